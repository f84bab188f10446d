import { assertNoScripts } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'no-install-scripts',
  tier: 'required',
  asks: 'package.json has no script that runs when somebody installs it',
  find: ({ manifest: { id }, pack }) => said(() => assertNoScripts(id, pack)),
}
