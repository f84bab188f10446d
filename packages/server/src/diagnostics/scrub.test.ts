import { expect, test } from 'vitest'
import { createScrubber } from './scrub.ts'

test('takes known secrets out in every form, and credentials out of any address or header', () => {
  const secret = 'pa"ss/w+rd é?'
  const scrub = createScrubber([secret, 'pa"ss', 'abc', ''])
  const text = [
    `plain ${secret}`,
    `json ${JSON.stringify({ secret })}`,
    `url http://x/?q=${encodeURIComponent(secret)}`,
    `base64 ${Buffer.from(secret).toString('base64')} ${Buffer.from(secret).toString('base64url')}`,
    'mongodb+srv://user:unknown@host/db and amqp://u:other@h',
    'authorization: Bearer 0123456789abcdef, Basic dXNlcjpwYXNz',
  ].join('\n')
  const clean = scrub(text)
  expect(clean).not.toMatch(/w\+rd|w%2Brd|unknown|other|0123456789|dXNlc/)
  expect(clean).not.toContain(Buffer.from(secret).toString('base64'))
  expect(clean).toContain('mongodb+srv://[secret]@host/db')
  // Too short to be one: abc stays.
  expect(scrub('abc http://host/path?x=a@b')).toBe('abc http://host/path?x=a@b')
})
