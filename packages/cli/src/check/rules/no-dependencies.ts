import { assertBundled } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'no-dependencies',
  tier: 'required',
  asks: 'package.json has no dependencies to be installed: libraries are bundled into the entry',
  find: ({ manifest: { id }, pack }) => said(() => assertBundled(id, pack)),
}
