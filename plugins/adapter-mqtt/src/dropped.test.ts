import type { AdapterRefusal, Sessions } from '@patchbay/sdk'
import { expect, it } from 'vitest'
import { toClientName } from './client-name.ts'
import { Dropped } from './dropped.ts'

it('records the first message that is left out, and later how many more there were', () => {
  const recorded: AdapterRefusal[] = []
  const sessions = { refuse: (_peer, refusal) => void recorded.push(refusal) } as Pick<Sessions, 'refuse'> as Sessions
  let nowMs = 1_000
  const dropped = new Dropped(sessions, toClientName('device', 'a', 'wall'), () => nowMs)
  for (let at = 0; at < 100; at++) dropped.note('devices/a/x')
  expect(recorded).toMatchObject([{ device: 'a', action: 'receive', topic: 'devices/a/x' }])
  nowMs += 10_000
  dropped.note('devices/a/x')
  expect(recorded.map(({ refused }) => refused.message)).toEqual([
    'The session’s queue is full; 1 more are left out',
    'The session’s queue is full; 100 more are left out',
  ])
})
