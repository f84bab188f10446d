import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { en } from './en.ts'
import { fillMessage, toPseudo } from './format.ts'
import { zh } from './zh.ts'

const places = (message: string): string[] =>
  [...message.matchAll(/\{(\w+)/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => name !== 'n')
    .sort()

test('Chinese has every text, and fills in the same names', () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort())
  for (const [word, text] of Object.entries(en))
    expect([word, places(Reflect.get(zh, word))]).toEqual([word, places(text)])
})

test('every text that the pages name is there, and none is there for nobody', () => {
  const root = fileURLToPath(new URL('../', import.meta.url))
  const code = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(vue|ts)$/.test(path) && !/^words\/(en|zh)/.test(path) && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(root + path, 'utf8'))
    .join('\n')
  // A name that is put together, such as `state.${state}`, stands for all that begin so.
  const begun = [...code.matchAll(/`([a-z]+\.[a-z-]*)\$\{/g)].map((match) => match[1] ?? '')
  const unused = Object.keys(en).filter(
    (word) => !code.includes(`'${word}'`) && !begun.some((start) => word.startsWith(start)),
  )
  expect(unused).toEqual([])
})

test('numbers and plurals are said as the language says them', () => {
  const message = '{n, plural, one {# device} other {# devices}} in {where}'
  expect(fillMessage(message, { n: 1, where: 'north' }, 'en')).toBe('1 device in north')
  expect(fillMessage(message, { n: 12_345, where: '{n}' }, 'en')).toBe('12,345 devices in {n}')
  expect(fillMessage('{a} {b}', { a: '$&' }, 'en')).toBe('$& {b}')
})

test('the pseudo language leaves what is filled in alone', () => {
  expect(fillMessage(toPseudo('Saved {name}'), { name: 'anna' }, 'en')).toMatch(/^\[Sávéd anna·+\]$/)
})
