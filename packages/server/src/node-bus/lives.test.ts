import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLives } from './lives.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a node that is silent is dead after a while, one that is heard is not, and silence while one cannot hear does not count', () => {
  const dead: string[] = []
  const lives = createLives(
    () => undefined,
    () => Date.now(),
  )
  lives.onDead((life) => dead.push(life))
  lives.start()
  expect([lives.heard('a'), lives.heard('b'), lives.heard('a')]).toEqual([true, true, false])
  for (let second = 0; second < 8; second++) {
    vi.advanceTimersByTime(1_000)
    lives.heard('b')
  }
  lives.pause()
  vi.advanceTimersByTime(9_000)
  expect(dead).toEqual([])
  lives.heard('b')
  vi.advanceTimersByTime(2_000)
  expect(dead).toEqual(['a'])
  lives.forget('b')
  expect(dead).toEqual(['a', 'b'])
  lives.close()
})
