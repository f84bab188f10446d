import type { FakePublish } from '../fakes/sessions.ts'

/** What a device behind the remote system has said. */
export interface SourceRemoteMessage {
  readonly device: string
  /** The document that the source reads: `{"device","at","values"}`, or what it cannot read. */
  readonly body: string
}

/** The real server behind a source, as its author reaches it: without the source. */
export interface SourceRemote {
  /** A configuration of the source that leads here, and takes documents as `body` has them. */
  config(): Record<string, unknown>
  /** Resolves when the server has all of them, those of a device in their order. */
  send(messages: readonly SourceRemoteMessage[]): Promise<void>
  /** How many the source has not acknowledged yet, so that the server would give them again. */
  waiting(): Promise<number>
  /** Everything that was sent is gone, and so is where the source stands. */
  wipe(): Promise<void>
  /** The server goes away at once, as by kill -9, and comes back with what it had. Left out: it cannot go away. */
  stop?(): Promise<void>
  start?(): Promise<void>
  close(): Promise<void>
}

const baseMs = 1_764_000_000_000

/** Message number `n` of the load: a number of its own at a time of its own. */
export const toRemoteMessage = (n: number, devices = 5): SourceRemoteMessage => {
  const device = `device-${n % devices}`
  return { device, body: JSON.stringify({ device, at: new Date(baseMs + n).toISOString(), values: { n } }) }
}

export const toRemoteMessages = (count: number, from = 0): SourceRemoteMessage[] =>
  Array.from({ length: count }, (_, index) => toRemoteMessage(from + index))

/** The numbers that a source published, by device, each in the order in which they came. */
export function numbersOf(published: readonly Pick<FakePublish, 'topic' | 'bytes'>[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { topic, bytes } of published) {
    const device = topic.split('/')[1] ?? ''
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString())
    const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed]
    const numbers = found.get(device) ?? []
    for (const reading of list) {
      const values: unknown = Object(reading).values ?? reading
      numbers.push(Number(Object(values).n))
    }
    found.set(device, numbers)
  }
  return found
}
