import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { StoreCorrupt } from '../sqlite/errors.ts'
import { rowsOf } from './hot-rows.ts'
import { groupOf, hotPlace, type TelemetryCollections } from './telemetry-documents.ts'

const NAME = /^[0-9a-f]{16}$/

/** The writer's name, made once for a data folder. The file must be there, and held. */
export async function nameOfWriter(file: string): Promise<string> {
  const found = (await readFile(file, 'utf8')).trim()
  if (NAME.test(found)) return found
  if (found !== '') throw new StoreCorrupt(`${file} does not hold the name of a writer`)
  const made = randomBytes(8).toString('hex')
  await writeFile(file, `${made}\n`)
  return made
}

/**
 * Where the writer's log ends. Its last group may have been cut short by a kill, before it was answered: then it is deleted.
 */
export async function findEnd({ hot, chunks, writers }: TelemetryCollections, writer: string): Promise<number> {
  const marked = (
    await writers.findOneAndUpdate({ _id: writer }, { $max: { to: 0 } }, { upsert: true, returnDocument: 'after' })
  )?.to
  const mark = marked ?? 0
  const place = { $gte: hotPlace(writer, mark + 1), $lt: `${writer}0` }
  const newest = await hot.find({ _id: place }).sort({ _id: -1 }).limit(1).project({ _id: 1 }).next()
  let end = mark
  if (newest) {
    const group = groupOf(String(newest['_id']))
    const documents = await hot
      .find({ _id: { $gte: hotPlace(writer, group), $lt: hotPlace(writer, group + 1) } })
      .toArray()
    const seqs = documents.flatMap((document) => [...rowsOf(document)].map(({ seq }) => seq)).sort((a, b) => a - b)
    const whole = seqs.every((seq, i) => seq === group + i)
    end = whole ? (seqs.at(-1) ?? mark) : group - 1
    if (!whole) await hot.deleteMany({ _id: { $gte: hotPlace(writer, group), $lt: hotPlace(writer, group + 1) } })
  }
  // Only in a database that was put back from somewhere can the chunks be ahead.
  const [sealed] = await chunks.find({ w: writer }).sort({ e: -1 }).limit(1).project<{ e: number }>({ e: 1 }).toArray()
  end = Math.max(end, sealed?.e ?? 0)
  await writers.updateOne({ _id: writer }, { $max: { to: end } })
  return end
}
