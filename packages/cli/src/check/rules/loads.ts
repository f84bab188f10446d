import { isHostError, toText } from '@patchbay/plugin-host/errors'
import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'loads',
  tier: 'required',
  asks: 'The entry can be loaded within 10 s, and its default export was made by definePlugin',
  async find({ plugin, manifest }) {
    try {
      await plugin()
      return []
    } catch (error) {
      return [`${manifest.entry}: ${toText(error)} (${isHostError(error) ? error.code : 'PLUGIN_LOAD_FAILED'})`]
    }
  },
}
