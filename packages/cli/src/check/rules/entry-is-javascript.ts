import { assertEntry } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'entry-is-javascript',
  tier: 'required',
  asks: 'The entry is JavaScript, built',
  find: ({ manifest: { id, entry } }) => said(() => assertEntry(id, entry)),
}
