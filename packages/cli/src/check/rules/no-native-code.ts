import { assertFiles } from '@patchbay/plugin-host/packages/package-rules'
import type { Rule } from '../rule.ts'
import { said } from '../subject.ts'

export const rule: Rule = {
  id: 'no-native-code',
  tier: 'required',
  asks: 'Nothing that is packed is a native add-on or lies in node_modules',
  find: ({ manifest: { id, entry, config, docs, icon } }) =>
    said(() =>
      assertFiles(
        id,
        [entry, config, docs, icon].filter((path) => path !== undefined),
      ),
    ),
}
