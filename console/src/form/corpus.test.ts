import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { toKind, toModel } from './form-model.ts'
import { type FieldSchema, withField } from './schema.ts'

interface Example {
  name: string
  schema: FieldSchema
  value: Record<string, unknown>
}
const corpus: Example[] = JSON.parse(readFileSync(new URL('corpus.json', import.meta.url), 'utf8'))

test('the corpus of schemas becomes the forms that are written down for it', async () => {
  expect(corpus.length).toBeGreaterThanOrEqual(60)
  const text = corpus.map(({ name, schema, value }) => {
    const fields = toModel(schema, value).map(
      ({ path, kind, label, required }) => `  ${path}: ${kind} ${JSON.stringify(label)}${required ? ' required' : ''}`,
    )
    return [name, ...(fields.length ? fields : ['  (nothing)']), ''].join('\n')
  })
  await expect(text.join('\n')).toMatchFileSnapshot('corpus.golden.txt')
})

test('no property of any of them is without a control, unless its condition hides it', () => {
  const count = (schema: FieldSchema): number =>
    toKind(schema) === 'group' ? Object.values(schema.properties ?? {}).length : 0
  for (const { name, schema, value } of corpus) {
    const shown = toModel(schema, value).filter(({ path }) => Object.hasOwn(schema.properties ?? {}, path))
    const hidden = Object.values(schema.properties ?? {}).filter((field) => field['x-when']).length
    expect(shown.length, name).toBeGreaterThanOrEqual(count(schema) - hidden)
  }
})

test('changing a field and changing it back leaves every value as it was', () => {
  for (const { name, value } of corpus) {
    for (const key of Object.keys(value)) {
      const changed = withField(value, key, 'other')
      const back = withField(changed, key, value[key])
      // An emptied text is left out, and what is left out has no place to come back to.
      if (value[key] !== '') expect(JSON.stringify(back), `${name}: ${key}`).toBe(JSON.stringify(value))
    }
  }
})
