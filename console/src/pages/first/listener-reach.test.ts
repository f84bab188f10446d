import { expect, test } from 'vitest'
import { isOpenToNetwork } from './listener-reach.ts'

test('loopback alone is not the network, and what does not listen does not count', () => {
  expect(isOpenToNetwork([{ address: '127.0.0.1', state: 'listening' }])).toBe(false)
  expect(isOpenToNetwork([{ address: '::1', state: 'listening' }])).toBe(false)
  expect(isOpenToNetwork([{ address: '0.0.0.0', state: 'degraded' }])).toBe(false)
  expect(isOpenToNetwork([{ address: '0.0.0.0', state: 'listening' }])).toBe(true)
  expect(isOpenToNetwork([{ address: '192.168.1.5', state: 'listening' }])).toBe(true)
})
