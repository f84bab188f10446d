import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './source-files.ts'

const rulesFolder = join(root, 'packages/cli/src/check/rules')
const namesIn = (folder: string, ending: string) =>
  readdirSync(folder)
    .map((file) => file.slice(0, -ending.length))
    .toSorted()
const rules = namesIn(rulesFolder, '.ts')
const field = (name: string, key: string): string => {
  const text = readFileSync(join(rulesFolder, `${name}.ts`), 'utf8')
  return new RegExp(`^  ${key}: (['"])(.*)\\1,$`, 'm').exec(text)?.[2] ?? ''
}
const pageOf = (name: string): string => readFileSync(join(root, `docs/plugins/check/${name}.md`), 'utf8')

test('every rule of `plugin check` has its page, and every page its rule', () => {
  expect(rules.length).toBeGreaterThan(20)
  expect(namesIn(join(root, 'docs/plugins/check'), '.md')).toEqual(rules)
})

test('a rule is in the file of its name, and in the list', () => {
  const list = readFileSync(join(root, 'packages/cli/src/check/rules.ts'), 'utf8')
  expect(rules.filter((name) => field(name, 'id') !== name)).toEqual([])
  expect(rules.filter((name) => !list.includes(`'./rules/${name}.ts'`))).toEqual([])
})

test('a page says what its rule asks, why, how to mend it, and shows it', () => {
  const wanting = rules.filter((name) => {
    const page = pageOf(name)
    const begins = page.startsWith(`# ${name}\n\n_${field(name, 'tier')}_: ${field(name, 'asks')}.\n`)
    const parts = ['## Why', '## How to mend it', '## Example'].map((heading) => page.indexOf(heading))
    return !begins || parts.some((at, index) => at <= (parts[index - 1] ?? 0)) || !page.includes('```')
  })
  expect(wanting).toEqual([])
})
