import { fieldsOf } from '../fields.ts'
import type { Rule } from '../rule.ts'
import { loaded } from '../subject.ts'

export const rule: Rule = {
  id: 'fields-titled',
  tier: 'recommended',
  asks: 'Every field of the configuration has a title',
  async find(subject) {
    const plugin = await loaded(subject)
    return fieldsOf(plugin?.configSchema)
      .filter(({ schema }) => typeof schema['title'] !== 'string' || schema['title'].trim() === '')
      .map(({ path }) => `The field ${path} has no title, so the form shows its bare name.`)
  },
}
