import type { AlertChannel } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A channel whose code runs as its owner's. */
export const ownAlertChannel = (owner: Owner, channel: AlertChannel): AlertChannel => ({
  deliver: (notification, options) => runOwned(owner, async () => channel.deliver(notification, options)),
})
