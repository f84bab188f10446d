import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'

export interface FileTarget extends SinkTarget {
  readonly folder: string
  names(): Promise<string[]>
}

/** The cells of a CSV line by line, as RFC 4180 has them. */
function readCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}

const valueOf = (kind: string, text: string): TargetPoint['value'] => (kind === 'text' ? text : JSON.parse(text))

const readers: Record<'jsonl' | 'csv', (text: string) => TargetPoint[]> = {
  jsonl: (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => {
        const { device, at, values } = JSON.parse(line)
        return toPoints([{ device, at: toMicros(at), values }])
      }),
  csv: (text) =>
    readCsv(text)
      .slice(1)
      .map(([device = '', at = '', key = '', kind = '', value = '']) => ({
        device,
        at: toMicros(at),
        key,
        value: valueOf(kind, value),
      })),
}

/** The folder that sink-file writes to. */
export async function openFileTarget(
  format: 'jsonl' | 'csv',
  config: Record<string, unknown> = {},
): Promise<FileTarget> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-files-'))
  // Digits come before letters: ended files first, by age, the current one last.
  const names = async (): Promise<string[]> =>
    (await readdir(folder)).filter((name) => !name.includes('.part')).toSorted()
  return {
    folder,
    names,
    config: () => ({ format, ...config }),
    async rows() {
      const rows: TargetPoint[] = []
      for (const name of await names()) {
        const bytes = await readFile(join(folder, name))
        rows.push(...readers[format]((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()))
      }
      return rows
    },
    async wipe() {
      for (const name of await readdir(folder)) await rm(join(folder, name))
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
