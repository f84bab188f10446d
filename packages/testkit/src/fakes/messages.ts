import type { Messages } from '@patchbay/sdk'

/** What a plugin published in the platform's name. */
export interface FakeMessages extends Messages {
  readonly published: readonly { topic: string; text: string; how: Parameters<Messages['publish']>[2] }[]
  /** From now on each publish is refused with this; undefined = all is well again. */
  refuseWith(error: Error | undefined): void
}

export function createFakeMessages(): FakeMessages {
  const published: { topic: string; text: string; how: Parameters<Messages['publish']>[2] }[] = []
  let refused: Error | undefined
  return {
    published,
    refuseWith: (error) => void (refused = error),
    async publish(topic, bytes, how) {
      if (refused) throw refused
      published.push({ topic, text: Buffer.from(bytes).toString(), how })
    },
  }
}
