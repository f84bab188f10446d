import type { Setting } from '@patchbay/contracts/setting'
import type { Static } from 'typebox'
import { useAsk } from './ask.ts'
import { can } from './session.ts'

export type ShownSetting = Static<typeof Setting>

export interface ShownSettings {
  items: ShownSetting[]
  /** Where this machine is reached in its networks. */
  addresses: string[]
}

/** All settings of the platform; off for who may not see them. */
export const useSettings = () => {
  const found = useAsk<ShownSettings>(() => (can('system.read') ? '/system/settings' : undefined))
  const of = (name: string): ShownSetting | undefined => found.data.value?.items.find((each) => each.name === name)
  return { found, of }
}
