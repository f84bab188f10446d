import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('no more run at the same time than permitted, a failure gives its turn on, and all get one', async () => {
  const turns = createTurns(3)
  let running = 0
  let most = 0
  const work = (at: number) => async (): Promise<number> => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
    if (at % 4 === 0) throw new Error('of its own')
    return at
  }
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => turns.run(work(at))))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(15)
  expect([most, running]).toEqual([3, 0])
})
