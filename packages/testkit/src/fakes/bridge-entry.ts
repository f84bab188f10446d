import type { BridgeLink, BridgePublishOptions, RefusedError } from '@patchbay/sdk'

/** A message that a bridge published here. */
export interface FakeBridged {
  topic: string
  text: string
  bytes: Uint8Array
  how: BridgePublishOptions
}

/** The platform as the way in of a bridge sees it. */
export interface FakeBridgeEntry {
  readonly published: readonly FakeBridged[]
  /** A message with this mark has been here before. */
  readonly mark: string
  /** Asked before each message: a refusal, or undefined = taken. */
  refuse: (topic: string) => RefusedError | undefined
  /** Waited for before a message is durable. */
  commit: (topic: string) => Promise<void>
}

export const createFakeBridgeEntry = (): FakeBridgeEntry & { link: BridgeLink } => {
  const published: FakeBridged[] = []
  const entry: FakeBridgeEntry & { link: BridgeLink } = {
    published,
    mark: 'mark-of-here',
    refuse: () => undefined,
    commit: async () => undefined,
    link: {
      async publish(topic, bytes, how = {}) {
        if (how.passed?.includes(entry.mark)) return 'looped'
        const refused: Error | undefined = entry.refuse(topic)
        if (refused) throw refused
        const copy = Uint8Array.from(bytes)
        await entry.commit(topic)
        published.push({ topic, bytes: copy, text: Buffer.from(copy).toString(), how })
        return 'taken'
      },
    },
  }
  return entry
}
