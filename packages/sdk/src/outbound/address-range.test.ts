import { describe, expect, test } from 'vitest'
import { rangeOf, toTargetCheck } from './address-range.ts'

const ranges: Record<ReturnType<typeof rangeOf>, readonly string[]> = {
  public: [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '193.0.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
    '2002:101:101::',
  ],
  private: [
    '10.0.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
    '2001:db8::1',
    // Teredo may lead anywhere.
    '2001:0:4136:e378::1',
    '64:ff9b:1::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2002:c0a8:101::1',
    '::ffff:0:127.0.0.1',
  ],
  forbidden: [
    '169.254.169.254',
    '169.254.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '::169.254.169.254',
    'localhost',
    '',
    '2130706433',
    '0x7f000001',
  ],
}

describe('the range of an address', () => {
  test.for(Object.entries(ranges).flatMap(([range, list]) => list.map((address) => [address, range] as const)))(
    '%s is %s',
    ([address, range]) => expect(rangeOf(address)).toBe(range),
  )
})

describe('what may be called', () => {
  test('private ranges are open for what is named only, also inside a carrier', () => {
    const permits = toTargetCheck(['10.1.0.0/16', '::1', '127.0.0.1'])
    expect(['10.1.2.3', '::1', '127.0.0.1', '::ffff:127.0.0.1', '64:ff9b::a01:203', '1.1.1.1'].map(permits)).toEqual(
      Array<boolean>(6).fill(true),
    )
    expect(['10.2.0.1', '127.0.0.2', '192.168.0.1', '::ffff:10.2.0.1', 'fc00::1'].map(permits)).toEqual(
      Array<boolean>(5).fill(false),
    )
  })

  test('link-local, metadata and group addresses are open to nobody', () => {
    for (const allowed of [['0.0.0.0/0', '::/0'], 'all'] as const)
      for (const address of ranges.forbidden)
        expect([address, toTargetCheck(allowed)(address)]).toEqual([address, false])
    expect(toTargetCheck('all')('10.0.0.1')).toBe(true)
  })
})
