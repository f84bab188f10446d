import type { Device } from '@patchbay/contracts/device'
import { computed, type Ref, ref, watch } from 'vue'
import type { Query } from '../../api/client.ts'
import { findAll } from './bulk.ts'

/** Which devices of the list are chosen: some of those that are shown, or everything that matches. Another filter is another choice. */
export const useDeviceChoice = (rows: Ref<Device[]>, query: Ref<Query>, now: (row: Device) => Device) => {
  const chosen = ref(new Map<string, Device>())
  const everything = ref(false)
  const choose = (to: Iterable<Device>, all = false): void => {
    chosen.value = new Map([...to].map((device) => [device.id, device]))
    everything.value = all
  }
  watch(query, () => choose([]))
  const isChosen = (device: Device): boolean => everything.value || chosen.value.has(device.id)
  const toggle = (device: Device): void => {
    const others = [...(everything.value ? rows.value : chosen.value.values())].filter(({ id }) => id !== device.id)
    choose(isChosen(device) ? others : [...others, device])
  }
  return {
    everything,
    count: computed(() => chosen.value.size),
    some: computed(() => everything.value || chosen.value.size > 0),
    allShown: computed(() => rows.value.length > 0 && rows.value.every(isChosen)),
    isChosen,
    choose,
    toggle,
    toggleShown: (): void => choose(rows.value.every(isChosen) ? [] : rows.value),
    /** Those on the screen are known as they are now; for everything the list is asked. */
    find: async (found: (n: number) => void, stopped?: () => boolean): Promise<Device[]> =>
      everything.value
        ? findAll({ ...query.value, limit: undefined }, found, stopped)
        : [...chosen.value.values()].map(now),
  }
}
export type DeviceChoice = ReturnType<typeof useDeviceChoice>
