import { fieldsOf } from '../fields.ts'
import type { Rule } from '../rule.ts'
import { loaded } from '../subject.ts'

const leastChars = 80

export const rule: Rule = {
  id: 'readme-tells',
  tier: 'recommended',
  asks: 'Its page says what it connects, and names each field of its configuration',
  async find(subject) {
    const { readme, manifest } = subject
    if (!/^# \S/m.test(readme)) return [`${manifest.docs} has no heading.`]
    if (readme.length < leastChars) return [`${manifest.docs} says too little to anybody who has to set it up.`]
    const plugin = await loaded(subject)
    const lower = readme.toLowerCase()
    return fieldsOf(plugin?.configSchema)
      .filter(({ path, schema }) => {
        const names = [path.split('.').at(-1), schema['title']]
        return !names.some((name) => typeof name === 'string' && lower.includes(name.toLowerCase()))
      })
      .map(({ path }) => `${manifest.docs} says nothing of the field ${path}.`)
  },
}
