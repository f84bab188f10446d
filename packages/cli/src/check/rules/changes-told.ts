import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'changes-told',
  tier: 'exemplary',
  asks: 'CHANGELOG.md says what this version brings',
  async find({ version, read }) {
    const text = await read('CHANGELOG.md')
    if (text === undefined) return ['There is no CHANGELOG.md.']
    return text.includes(version) ? [] : [`CHANGELOG.md does not name version ${version}.`]
  },
}
