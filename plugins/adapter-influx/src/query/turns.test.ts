import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('four at once, the others one after another, and no more than may wait', async () => {
  const turns = createTurns()
  const first = await Promise.all(Array.from({ length: 4 }, () => turns.enter()))
  const order: number[] = []
  const waiting = Array.from({ length: 64 }, async (_, n) => {
    const leave = await turns.enter()
    order.push(n)
    leave()
    leave()
  })
  await expect(turns.enter()).rejects.toMatchObject({ code: 'INFLUX_BUSY', reason: 'quota' })
  expect(order).toEqual([])
  first[0]?.()
  await Promise.all(waiting)
  expect(order).toEqual(Array.from({ length: 64 }, (_, n) => n))
  // A leave that was called twice has freed one place.
  const again = await turns.enter()
  let isIn = false
  void turns.enter().then(() => (isIn = true))
  await new Promise(setImmediate)
  expect(isIn).toBe(false)
  again()
})
