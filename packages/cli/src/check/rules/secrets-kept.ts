import { fieldsOf } from '../fields.ts'
import type { Rule } from '../rule.ts'
import { loaded } from '../subject.ts'

const secretWord = /(^|[a-z_.-])(password|passphrase|secret|token|apikey|api_key|privatekey|credential)s?$/i

export const rule: Rule = {
  id: 'secrets-kept',
  tier: 'recommended',
  asks: 'A field that is named like a secret is a secret',
  async find(subject) {
    const plugin = await loaded(subject)
    return fieldsOf(plugin?.configSchema)
      .filter(({ path, schema }) => schema['type'] === 'string' && secretWord.test(path) && schema['x-secret'] !== true)
      .map(({ path }) => `The field ${path} would be stored and answered as plain text; make it field.secret.`)
  },
}
