import type { AccessProvider } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A provider whose code runs as its owner's, with the questions that it answers. */
export const ownAccessProvider = (owner: Owner, provider: AccessProvider): AccessProvider => ({
  ...(provider.connect ? { connect: (who) => runOwned(owner, async () => provider.connect?.(who)) } : {}),
  ...(provider.deviceOf ? { deviceOf: (secret) => runOwned(owner, () => provider.deviceOf?.(secret)) } : {}),
  ...(provider.decide ? { decide: (question) => runOwned(owner, async () => provider.decide?.(question)) } : {}),
})
