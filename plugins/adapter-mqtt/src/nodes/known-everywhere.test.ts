import { expect, test } from 'vitest'
import { KnownEverywhere } from './known-everywhere.ts'

test('waits until each node that was there has applied the change, or is dead', async () => {
  const known = new KnownEverywhere()
  await known.all()
  known.committed('5-1', ['a', 'b', 'c'])
  known.applied('a', '5-2')
  let isKnown = false
  const all = known.all().then(() => (isKnown = true))
  known.applied('b', '5-0')
  known.applied('b', '4-9') // told late
  await Promise.resolve()
  expect(isKnown).toBe(false)
  known.applied('b', '10-0') // by number, not by text
  known.dead('c')
  await all
})
