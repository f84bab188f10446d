import { assertUnprivileged } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'not-privileged',
  tier: 'required',
  asks: 'plugin.json does not ask to be privileged',
  find: ({ manifest }) => said(() => assertUnprivileged(manifest)),
}
