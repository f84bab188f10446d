import { Socket } from 'node:net'
import type { Session } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { createSessionCache } from './session-cache.ts'

test('a request whose connection has gone keeps nothing of its session', async () => {
  const cache = createSessionCache()
  let closed = 0
  const open = async () => ({ onEnd: () => undefined, close: () => closed++ }) as unknown as Session
  const gone = new Socket().destroy()
  const lease = await cache.lease(gone, ['a'], open)
  expect(closed).toBe(0)
  lease.release()
  expect(closed).toBe(1)
  const here = new Socket()
  ;(await cache.lease(here, ['a'], open)).release()
  expect(closed).toBe(1)
  here.destroy()
  await new Promise((resolve) => here.once('close', resolve))
  expect(closed).toBe(2)
})
