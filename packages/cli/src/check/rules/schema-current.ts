import { assertSchema } from '@patchbay/plugin-host/manifest/check'
import type { Rule } from '../rule.ts'
import { loaded, said } from '../subject.ts'

export const rule: Rule = {
  id: 'schema-current',
  tier: 'required',
  asks: 'config.schema.json is what the code says its configuration is',
  async find(subject) {
    const plugin = await loaded(subject)
    return plugin ? said(() => assertSchema(subject.manifest, subject.folder, plugin)) : []
  },
}
