import { assertCompatible } from '@patchbay/plugin-host/manifest/compatibility'
import { apiVersion } from '@patchbay/sdk'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'api-range',
  tier: 'required',
  asks: 'plugin.json names a range of the plugin API that has an end and holds this version of it',
  find: ({ manifest: { id, api } }) => said(() => assertCompatible(id, api, apiVersion)),
}
