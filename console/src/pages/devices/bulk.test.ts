import type { Device } from '@patchbay/contracts/device'
import { expect, test } from 'vitest'
import { ApiProblem } from '../../api/client.ts'
import { runBulk, toRequest } from './bulk.ts'

const device = (id: string, tags: string[] = []): Device => ({
  id,
  name: id,
  type: 'default',
  tags,
  status: 'never',
  createdAt: '2026-01-01T00:00:00Z',
  version: 1,
})

test('each is done once, one that fails stops nobody, and all failures are told', async () => {
  const devices = Array.from({ length: 50 }, (_each, n) => device(`d${n}`))
  const seen: string[] = []
  let most = 0
  let under = 0
  const counts: number[] = []
  const failures = await runBulk(
    devices,
    ({ id }) =>
      async () => {
        most = Math.max(most, ++under)
        await Promise.resolve()
        under--
        seen.push(id)
        if (id === 'd7') throw new ApiProblem({ status: 412, detail: 'Changed by someone else meanwhile.' })
      },
    (done) => counts.push(done),
    () => false,
  )
  expect(seen.toSorted()).toEqual(devices.map(({ id }) => id).toSorted())
  expect(failures).toEqual([{ id: 'd7', why: 'Changed by someone else meanwhile.' }])
  expect(counts.at(-1)).toBe(50)
  expect(most).toBeLessThanOrEqual(6)
})

test('it ends between two devices when it is stopped', async () => {
  let done = 0
  await runBulk(
    Array.from({ length: 50 }, (_each, n) => device(`d${n}`)),
    () => async () => void done++,
    () => undefined,
    () => done >= 10,
  )
  expect(done).toBeGreaterThanOrEqual(10)
  expect(done).toBeLessThan(20)
})

test('a device that has the tag already, or lacks the one to take off, is left alone', () => {
  expect(toRequest(device('a', ['x']), { kind: 'add-tag', tag: 'x' })).toBeUndefined()
  expect(toRequest(device('a'), { kind: 'remove-tag', tag: 'x' })).toBeUndefined()
  expect(toRequest(device('a'), { kind: 'add-tag', tag: 'x' })).toBeTypeOf('function')
  expect(toRequest(device('a'), { kind: 'set-type', type: 'default' })).toBeUndefined()
})
