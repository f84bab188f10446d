import { checkPackage } from '@patchbay/plugin-host/manifest/check'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'files-there',
  tier: 'required',
  asks: 'Every file that plugin.json names is there, inside the folder; its id and HTTP prefixes are usable',
  find: ({ manifest, folder }) => said(() => checkPackage(manifest, folder)),
}
