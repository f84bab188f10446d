import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSlowAnswer } from './slow-answer.ts'

test('what is quick is asked each time', async () => {
  let asked = 0
  const answer = createSlowAnswer(async () => ++asked, 10_000)
  expect([await answer(), await answer()]).toEqual([1, 2])
})

test('what is slow is kept for a hundred times as long', async () => {
  let asked = 0
  const answer = createSlowAnswer(async () => {
    await setTimeout(20)
    return ++asked
  }, 1)
  expect([await answer(), await answer(), await answer()]).toEqual([1, 1, 1])
})

test('a failure is told, and not kept', async () => {
  let asked = 0
  const answer = createSlowAnswer(async () => {
    if (++asked === 1) throw new Error('away')
    return asked
  }, 0)
  await expect(answer()).rejects.toThrow('away')
  expect(await answer()).toBe(2)
})
