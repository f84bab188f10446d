import type { Session } from '@patchbay/sdk'
import type { InfluxConfig } from '../config.ts'
import { refuse } from '../errors.ts'
import type { NameBook } from '../name-book.ts'
import type { Enrolment } from './enrolment.ts'
import { endOfHead, LineError, parseBody } from './line-parser.ts'
import { createLineSplitter } from './line-splitter.ts'
import type { ReadTime } from './precision.ts'
import { createPublisher } from './publish.ts'
import { createDeviceReadings, type DeviceReadings } from './readings.ts'
import type { Report } from './report.ts'
import { createSeriesHeads } from './series-heads.ts'

/** Lines of a body that are held before they are published: a large body never lies in memory as a whole. */
const maxHeldLines = 10_000
const maxHeldChars = 4 * 1024 * 1024

export interface IntakeOptions {
  config: InfluxConfig
  session: Session
  names: NameBook
  readTime: ReadTime
  report: Report
  enrolment: Enrolment | undefined
}

/** Stores the lines of a body as it arrives. Resolves when all that can be stored is durable. */
export async function takeLines(body: AsyncIterable<Buffer>, options: IntakeOptions): Promise<void> {
  const { config, session, names, readTime, report } = options
  const publisher = createPublisher(session, report, options.enrolment)
  const heads = createSeriesHeads({ config, names, principal: session.principal })
  let devices = new Map<string, DeviceReadings>()
  let heldLines = 0
  let heldChars = 0

  const splitter = createLineSplitter((text, number) => {
    const line = { number, text }
    try {
      const end = endOfHead(text)
      // What is no line at all is said before it is asked whose it would be.
      const { fields, at } = parseBody(text, end, readTime)
      const { device, keyOf } = heads.of(text.slice(0, end))
      const isAlone = fields.length === 1
      const values = fields.map(([field, value]): [string, typeof value] => [keyOf(field, isAlone), value])
      let readings = devices.get(device)
      if (!readings) devices.set(device, (readings = createDeviceReadings(device)))
      readings.add(at, { line, values })
      heldLines++
      heldChars += text.length
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      report.unreadable(line, error.message)
    }
  })

  async function flush(): Promise<void> {
    const full = devices.values()
    devices = new Map()
    heldLines = 0
    heldChars = 0
    await names.settled()
    await publisher.publish(full)
  }

  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (chunk?: Buffer): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
    } catch (cause) {
      throw refuse('INFLUX_BODY_ENCODING', 'The body is not UTF-8.', cause)
    }
  }
  for await (const chunk of body) {
    splitter.push(decode(chunk))
    if (heldLines >= maxHeldLines || heldChars >= maxHeldChars) await flush()
  }
  splitter.push(decode())
  splitter.end()
  await flush()
}
