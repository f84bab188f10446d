import { randomBytes } from 'node:crypto'
import { assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSecretBox, SecretUnreadable } from './secret-box.ts'

describe('secret box', () => {
  const key = randomBytes(32)

  test('opens what it sealed, and seals the same text differently each time', () => {
    const box = createSecretBox(key)
    assert(property(string({ unit: 'grapheme' }), (text) => box.open(box.seal(text)) === text))
    expect(box.seal('x')).not.toBe(box.seal('x'))
    expect(createSecretBox(key).open(box.seal('after a restart'))).toBe('after a restart')
  })

  test('a changed or cut text is not opened', () => {
    const box = createSecretBox(key)
    const sealed = box.seal('valve code 4711')
    expect(sealed).not.toContain('4711')
    const [v, id, iv = '', body = ''] = sealed.split('.')
    const flipped = Buffer.from(body, 'base64url')
    flipped[0]! ^= 1
    for (const bad of [
      '',
      'plain',
      `${v}.${id}.${iv}.${flipped.toString('base64url')}`,
      `${v}.${id}.${iv}.${body.slice(0, 10)}`,
      `${v}.${id}.${randomBytes(12).toString('base64url')}.${body}`,
      `${v}.${id}..${body}`,
      `v2.${id}.${iv}.${body}`,
      `${sealed}.x`,
    ]) {
      expect(() => box.open(bad)).toThrow(SecretUnreadable)
    }
  })

  test('another master key is told from damage', () => {
    const sealed = createSecretBox(key).seal('x')
    expect(() => createSecretBox(randomBytes(32)).open(sealed)).toThrow(/sealed with key/)
  })
})
