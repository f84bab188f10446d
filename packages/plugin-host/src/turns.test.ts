import { expect, test } from 'vitest'
import { createFakeClock } from '../test/world.ts'
import { createTurns } from './turns.ts'

test('no more run at the same time than permitted, a failure gives its turn on, and all get one', async () => {
  const turns = createTurns(3, 1_000, createFakeClock())
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

test('what hangs keeps its turn for so long only, and gives it on once', async () => {
  const clock = createFakeClock()
  const turns = createTurns(1, 1_000, clock)
  const begun: string[] = []
  const work = (name: string) => {
    const end = Promise.withResolvers<void>()
    const done = turns.run(() => {
      begun.push(name)
      return end.promise
    })
    return { end: end.resolve, done }
  }
  const [first, second, third] = [work('first'), work('second'), work('third')]
  await clock.advance(999)
  expect(begun).toEqual(['first'])
  await clock.advance(1)
  expect(begun).toEqual(['first', 'second'])
  first.end()
  await first.done
  await clock.advance(0)
  expect(begun).toEqual(['first', 'second'])
  second.end()
  await second.done
  await clock.advance(0)
  expect(begun).toEqual(['first', 'second', 'third'])
  third.end()
  await third.done
})
