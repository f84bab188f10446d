import type { Bridge } from '@patchbay/sdk'
import { type Owner, runOwned } from './owner.ts'

/** A bridge whose code runs as its owner's. */
export const ownBridge = (owner: Owner, bridge: Bridge): Bridge => {
  const { send, write } = bridge
  return {
    out: bridge.out,
    in: bridge.in,
    ...(bridge.as ? { as: bridge.as } : {}),
    ...(bridge.createDevices ? { createDevices: bridge.createDevices } : {}),
    ...(bridge.queueMb === undefined ? {} : { queueMb: bridge.queueMb }),
    ...(send ? { send: (messages, options) => runOwned(owner, async () => send.call(bridge, messages, options)) } : {}),
    ...(write
      ? { write: (records, options) => runOwned(owner, async () => write.call(bridge, records, options)) }
      : {}),
  }
}
