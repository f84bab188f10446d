import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'trouble-told',
  tier: 'exemplary',
  asks: 'Its page has a section on what goes wrong and how to mend it',
  find: ({ readme, manifest }) =>
    /^#{2,} .*(troubl|fail|wrong|problem|does not work)/im.test(readme)
      ? []
      : [`${manifest.docs} has no section on trouble, such as "## When it fails".`],
}
