import { describe, expect, test } from 'vitest'
import { isLoopback, isPrivate, normaliseAddress, permitsPlain, readCidr, toAddressMatcher } from './addresses.ts'

describe('addresses', () => {
  test.each([
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:0DB8:0:0::1', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['', ''],
    ['nonsense:', 'nonsense:'],
  ])('%s is %s', (from, to) => expect(normaliseAddress(from)).toBe(to))

  test.each([
    ['127.0.0.1', true, true],
    ['127.255.0.9', true, true],
    ['::1', true, true],
    ['::ffff:127.0.0.1', true, true],
    ['10.0.0.1', false, true],
    ['172.16.0.1', false, true],
    ['172.32.0.1', false, false],
    ['192.168.255.255', false, true],
    ['169.254.1.1', false, true],
    ['::ffff:10.0.0.1', false, true],
    ['fd12::1', false, true],
    ['fe80::1%en0', false, true],
    ['fec0::1', false, false],
    ['8.8.8.8', false, false],
    ['2001:db8::1', false, false],
    ['', false, false],
    ['127.0.0.1.evil', false, false],
  ])('%s: loopback %s, private %s', (address, loopback, inside) => {
    expect(permitsPlain('loopback')(address)).toBe(loopback)
    expect(permitsPlain('private')(address)).toBe(inside)
    expect(permitsPlain('any')(address)).toBe(true)
    expect(isLoopback(address)).toBe(loopback)
    expect(isPrivate(address)).toBe(inside && !loopback)
  })

  test('blocks are matched, bad blocks are known', () => {
    const inside = toAddressMatcher(['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'])
    expect(['10.9.9.9', '::ffff:10.0.0.1', '2001:db8::9', '192.0.2.7'].every(inside)).toBe(true)
    expect(['11.0.0.1', '192.0.2.8', '2001:db9::1', 'x'].some(inside)).toBe(false)
    for (const bad of ['10.0.0.0/33', '::/129', 'a/8', '10.0.0.0/', '10.0.0/8', '', 'fe80::1%e/64']) {
      expect(readCidr(bad)).toBeUndefined()
    }
  })

  test('localhost binds to loopback', () => {
    expect(isLoopback('LocalHost')).toBe(true)
    expect(isLoopback('0.0.0.0')).toBe(false)
  })
})
