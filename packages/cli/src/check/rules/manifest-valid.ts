import { toManifest } from '@patchbay/plugin-host/manifest/read'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

/** Where it cannot be read at all, `checkPlugin` says so in this rule's name, and no other rule can look. */
export const rule: Rule = {
  id: 'manifest-valid',
  tier: 'required',
  asks: 'plugin.json is as described, and package.json is there',
  find: ({ manifest }) => said(() => toManifest(manifest, 'plugin.json')),
}
