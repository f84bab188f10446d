import type { Bridge, Sink } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A sink whose code runs as its owner's. */
export const ownSink = (owner: Owner, sink: Sink): Sink => ({
  write: (records, options) => runOwned(owner, async () => sink.write(records, options)),
})

export const ownBridge = (owner: Owner, { messages, records }: Bridge): Bridge => ({
  ...(messages
    ? {
        messages: {
          filters: messages.filters,
          write: (list, options) => runOwned(owner, async () => messages.write(list, options)),
        },
      }
    : {}),
  ...(records ? { records: ownSink(owner, records) } : {}),
})
