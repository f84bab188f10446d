import type { Rule } from '../rule.ts'
import { importsOf } from '../source-search.ts'

const forAll = /^@patchbay\/sdk(\/|$)/
const forTests = /^@patchbay\/(sdk|testkit)(\/|$)/

export const rule: Rule = {
  id: 'sdk-imports-only',
  tier: 'recommended',
  asks: 'Of Patchbay, code imports @patchbay/sdk only, and tests @patchbay/testkit besides',
  find({ sources, tests }) {
    const ours = (of: typeof sources) => importsOf(of).filter(({ found }) => found.startsWith('@patchbay/'))
    return [
      ...ours(sources).filter(({ found }) => !forAll.test(found)),
      ...ours(tests).filter(({ found }) => !forTests.test(found)),
    ].map(({ place, found }) => `${place} imports ${found}, which may change or go with any version.`)
  },
}
