import type { Source } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A source whose code runs as its owner's. */
export const ownSource = (owner: Owner, source: Source): Source =>
  source.retake === undefined
    ? {}
    : { retake: (item, options) => runOwned(owner, async () => source.retake?.(item, options)) }
