import { expect, test } from 'vitest'
import { beatMs, LifeWatch, stillMs } from './life-watch.ts'

/** Looks every beat, with the beats that `beats` gives for that moment; the answer: when somebody was to be buried first. */
function watch(
  until: number,
  beats: (atMs: number) => Record<string, string>,
  looksAt: (atMs: number) => boolean = () => true,
) {
  let nowMs = 0
  const one = new LifeWatch(() => nowMs)
  for (; nowMs <= until; nowMs += beatMs) {
    if (!looksAt(nowMs)) continue
    const still = one.look(new Map(Object.entries(beats(nowMs))), 'me')
    if (still.length > 0) return { atMs: nowMs, still }
  }
  return undefined
}

test('a life whose beat stands still is found, and one that beats is not', () => {
  const found = watch(60_000, (atMs) => ({ me: '1', dead: '7', alive: String(atMs) }))
  expect(found).toEqual({ atMs: stillMs, still: [{ life: 'dead', beat: '7' }] })
})

test('looks that were interrupted do not add up: a Redis that was away kills nobody', () => {
  const found = watch(
    7 * stillMs,
    () => ({ me: '1', other: '7' }),
    (atMs) => atMs % 7_000 < 2_000,
  )
  expect(found).toBeUndefined()
})
