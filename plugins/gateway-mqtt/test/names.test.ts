import { expect, test } from 'vitest'
import { isAllowedNode } from '../src/allowed-node.ts'
import { createNames } from '../src/names.ts'

const look = (isAllowed: (address: string) => boolean, name: string) =>
  new Promise<unknown>((resolve) => {
    createNames(isAllowed).lookup(name, { all: true }, (error, addresses) => resolve(error?.message ?? addresses))
  })

test.each(['169.254.169.254', 'fe80::1', 'fd00:ec2::254'])('%s is never a node', (address) => {
  expect(isAllowedNode(address)).toBe(false)
})
test.each(['127.0.0.1', '10.0.0.1', '203.0.113.1', '::1', 'fd00::1'])('%s may be one', (address) => {
  expect(isAllowedNode(address)).toBe(true)
})

test('a name gives its allowed addresses, and none when all are closed', async () => {
  expect(await look(() => true, 'localhost')).toContainEqual({ address: '127.0.0.1', family: 4 })
  expect(await look(() => false, 'localhost')).toContain('no address that may be called')
})

test('a name is looked up again after 10 s, and after a failure at once', async () => {
  let nowMs = 0
  const asked: number[] = []
  const names = createNames(() => true, {
    nowMs: () => nowMs,
    async resolve() {
      asked.push(nowMs)
      if (asked.length === 1) throw new Error('not now')
      return [{ address: `10.0.0.${asked.length}`, family: 4 }]
    },
  })
  const ask = (): Promise<unknown> =>
    new Promise((resolve) =>
      names.lookup('broker.example', {}, (error, address) => resolve(error ? error.message : address)),
    )
  expect(await ask()).toBe('not now')
  expect(await ask()).toBe('10.0.0.2')
  nowMs = 9_999
  expect(await ask()).toBe('10.0.0.2')
  nowMs = 10_000
  expect(await ask()).toBe('10.0.0.3')
  expect(asked).toEqual([0, 0, 10_000])
})
