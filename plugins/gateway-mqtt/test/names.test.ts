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
