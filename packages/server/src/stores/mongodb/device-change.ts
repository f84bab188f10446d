import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Collection, UpdateFilter } from 'mongodb'
import type { DeviceDocument } from './telemetry-documents.ts'

/** Writers that change one device's document at the same time give way to each other so often. */
const MAX_TRIES = 20

/** Changes a device's document against what was read of it; `change` answers undefined where there is nothing to change any more. */
export async function changeDevice(
  devices: Collection<DeviceDocument>,
  device: string,
  read: DeviceDocument | null,
  change: (state: DeviceDocument) => UpdateFilter<DeviceDocument> | undefined,
): Promise<void> {
  let state = read
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const update = state && !state.leaving ? change(state) : undefined
    if (!state || !update) return
    const rev = state.rev ?? { $exists: false }
    const { matchedCount } = await devices.updateOne({ _id: device, rev }, { ...update, $inc: { rev: 1 } })
    if (matchedCount > 0) return
    state = await devices.findOne({ _id: device })
  }
  throw new StoreUnavailable(`the document of ${device} keeps changing`)
}
