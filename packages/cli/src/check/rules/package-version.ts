import { assertVersion } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'package-version',
  tier: 'required',
  asks: 'package.json has a semantic version',
  find: ({ manifest: { id }, version, pack }) =>
    said(() => assertVersion(id, typeof pack['version'] === 'string' ? version : '')),
}
