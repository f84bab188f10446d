import { expect, test } from 'vitest'
import { maxCalls } from './channel.ts'
import { createPublishWindow, maxHeldCasts, maxPublishesAtHost, maxRefusedInTurn } from './publish-window.ts'

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

test('what asks on and on without waiting is refused, then has it thrown at it, until the turn is over', async () => {
  const window = createPublishWindow({ call: () => new Promise(() => undefined), cast: () => undefined })
  const publish = (): Promise<void> => window.call('publish', {}, new Uint8Array(1))
  for (let count = 0; count < maxCalls; count += 1) void publish()
  const refused = Array.from({ length: maxRefusedInTurn }, publish)
  // A million of them would be the memory of the plugin.
  expect(new Set(refused).size).toBe(1)
  await expect(refused[0]).rejects.toMatchObject({ reason: 'quota', code: 'PLUGIN_LIMIT' })
  expect(publish).toThrow('wait for an answer already')
  await new Promise(setImmediate)
  await expect(publish()).rejects.toMatchObject({ code: 'PLUGIN_LIMIT' })
})
