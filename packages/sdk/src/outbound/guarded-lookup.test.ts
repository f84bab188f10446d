import { expect, test } from 'vitest'
import { createTargetGuard } from './guarded-lookup.ts'
import { toTargetUrl } from './http-post.ts'

const closed = [
  '127.0.0.1',
  '10.0.0.1',
  '172.16.5.4',
  '192.168.0.10',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '127.8.9.10',
  '198.18.0.1',
  '100.100.100.200',
]
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** One address as people, and those who want to get past a check, write it. */
const spellings = (address: string): string[] => {
  const parts = address.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const groups = `${hex(a * 256 + b, 4)}:${hex(c * 256 + d, 4)}`
  const wide = (text: string): string => text.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${hex(whole, 8)}`,
    `0X${hex(whole, 8).toUpperCase()}`,
    `0${whole.toString(8)}`,
    parts.map((part) => `0${part.toString(8)}`).join('.'),
    parts.map((part) => `000${part.toString(8)}`).join('.'),
    parts.map((part) => `0x${hex(part, 2)}`).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${b * 65_536 + c * 256 + d}`,
    `0x${hex(a, 2)}.${b}.0${c.toString(8)}.${d}`,
    wide(address),
    address.replaceAll('.', '。'),
    address.replaceAll('.', '%2e'),
    address.replaceAll(/./g, (sign) => `%${hex(sign.charCodeAt(0), 2)}`),
    `[::ffff:${address}]`,
    `[::ffff:${groups}]`,
    `[0:0:0:0:0:ffff:${groups}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b::${groups}]`,
    `[2002:${groups}::1]`,
    `[::ffff:0:${address}]`,
  ]
}

test('240 spellings of closed addresses are seen through, and none of public ones', () => {
  const guard = createTargetGuard([])
  const verdict = (host: string): string => {
    try {
      guard.assertHost(toTargetUrl(`http://${host}:8080/path`).hostname)
      return 'open'
    } catch (error) {
      return error instanceof Error ? error.name : 'thrown'
    }
  }
  const all = closed.flatMap(spellings)
  expect(all).toHaveLength(240)
  expect(all.filter((host) => verdict(host) !== 'TargetForbidden')).toEqual([])
  expect(spellings('8.8.4.4').filter((host) => verdict(host) !== 'open')).toEqual([])
})
