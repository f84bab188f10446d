import { maxReplyChars } from '@patchbay/contracts/notification'
import { describe, expect, test } from 'vitest'
import { cutText, hideSecrets, maxWaitMs, retryAfterMs, toDeliveryAnswer, toReply, toUrlSecrets } from './reply.ts'

test.for([
  [200, 'delivered'],
  [204, 'delivered'],
  [301, 'refused'],
  [307, 'refused'],
  [400, 'refused'],
  [401, 'refused'],
  [404, 'refused'],
  [408, 'retry'],
  [410, 'refused'],
  [425, 'retry'],
  [429, 'retry'],
  [500, 'retry'],
  [503, 'retry'],
] as const)('%i is %s', ([status, outcome]) => {
  expect(toDeliveryAnswer({ status, headers: {}, body: 'words' }, []).outcome).toBe(outcome)
})

describe('Retry-After', () => {
  const nowMs = Date.UTC(2026, 10, 24, 12)
  test.for([
    ['7', 7000],
    ['0', 0],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
    ['99999999', maxWaitMs],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ] as const)('%s', ([header, ms]) => {
    expect(retryAfterMs(header, nowMs)).toBe(ms)
  })
  test('counts only where it is tried again', () => {
    const headers = { 'retry-after': '7' }
    expect(toDeliveryAnswer({ status: 429, headers, body: '' }, [])).toMatchObject({ afterMs: 7000 })
    expect(toDeliveryAnswer({ status: 404, headers, body: '' }, [])).not.toHaveProperty('afterMs')
  })
})

test('a cut leaves no half character, which a remote might refuse for good', () => {
  expect(cutText('ab🔥', 3)).toBe('ab\uFFFD')
  expect(cutText('a\uD83Db', 9)).toBe('a\uFFFDb')
  expect(cutText('ab🔥', 4)).toBe('ab🔥')
})

test('a reply is one line, bounded, and without secrets in any of their forms', () => {
  expect(toReply('a\r\n\u001b[31mb\u2028c ')).toBe('a [31mb c')
  expect(toReply('x'.repeat(5000))).toHaveLength(maxReplyChars)
  const secret = 'pass word+1'
  const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]
  expect(hideSecrets(forms.join(' '), [secret, undefined, 'a'])).toBe('[secret] [secret] [secret]')
  const address = 'https://hooks.example.org/services/T000/B000/abcdefghijklmnopqrstuvwx?sig=0123456789abcdef0123'
  const told = toReply(`no abcdefghijklmnopqrstuvwx at ${address}, 0123456789abcdef0123`, toUrlSecrets(address))
  expect(told).not.toMatch(/abcdefghij|0123456789/)
})
