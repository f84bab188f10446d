import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inTurn } from './in-turn.ts'

async function* numbers(): AsyncGenerator<number> {
  for (let n = 0; n < 10; n++) yield n
}

test('answers in order, with no more under way than are permitted', async () => {
  let underWay = 0
  let most = 0
  const done: number[] = []
  const work = async (n: number): Promise<number> => {
    most = Math.max(most, ++underWay)
    for (let i = n; i < 10; i++) await setImmediate()
    underWay -= 1
    return n
  }
  for await (const n of inTurn(numbers(), 3, work)) done.push(n)
  expect([done, most]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3])
})

test('a failure is told when those under way have ended', async () => {
  let underWay = 0
  const work = async (n: number): Promise<number> => {
    underWay += 1
    for (let i = 0; i < n * 3; i++) await setImmediate()
    underWay -= 1
    if (n === 2) throw new Error('two')
    return n
  }
  const done: number[] = []
  const read = async (): Promise<void> => {
    for await (const n of inTurn(numbers(), 4, work)) done.push(n)
  }
  await expect(read()).rejects.toThrow('two')
  expect([done, underWay]).toEqual([[0, 1], 0])
})
