import { expect, test } from 'vitest'
import { createPublishWindow, maxHeldCasts, maxPublishesAtHost } from './publish-window.ts'

test('what is closed waits for what was published before, and so much of it at most', async () => {
  const sent: string[] = []
  const answers: (() => void)[] = []
  const window = createPublishWindow({
    call(op) {
      sent.push(op)
      return new Promise((resolve) => void answers.push(() => resolve({ value: undefined, bytes: [] })))
    },
    cast: (op) => void sent.push(op),
  })
  const bytes = new Uint8Array(1)
  const published = Array.from({ length: maxPublishesAtHost + 1 }, () => window.call('publish', {}, bytes))
  for (let count = 0; count < maxHeldCasts; count += 1) window.cast('close', {})
  expect(() => window.cast('close', {})).toThrow(`${maxHeldCasts} closes wait already`)
  expect(sent).not.toContain('close')
  for (const answer of answers.splice(0, 2)) answer()
  await Promise.all(published.slice(0, 2))
  expect(sent.slice(maxPublishesAtHost, maxPublishesAtHost + 2)).toEqual(['publish', 'close'])
  expect(sent.filter((op) => op === 'close')).toHaveLength(maxHeldCasts)
  // There is room again, and nothing before it.
  window.cast('last', {})
  expect(sent.at(-1)).toBe('last')
})
