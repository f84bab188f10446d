import type { Sink } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A sink whose code runs as its owner's. */
export const ownSink = (owner: Owner, sink: Sink): Sink => ({
  write: (records, options) => runOwned(owner, async () => sink.write(records, options)),
})
