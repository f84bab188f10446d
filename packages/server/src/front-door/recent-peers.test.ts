import { expect, test } from 'vitest'
import { createRecentPeers, recentMs } from './recent-peers.ts'

test('a peer counts once, until it has been silent for one to two minutes', () => {
  let nowMs = 1000
  const peers = createRecentPeers({ monotonicMs: () => nowMs })
  const [a, b, c] = [
    { address: '10.0.0.1', port: 1 },
    { address: '10.0.0.1', port: 2 },
    { address: '10.0.0.2', port: 1 },
  ] as const
  for (const peer of [a, b, c, a, b]) peers.heard(peer)
  expect(peers.count()).toBe(3)
  nowMs += recentMs
  expect(peers.count()).toBe(3)
  for (const peer of [a, a]) peers.heard(peer)
  expect(peers.count()).toBe(3)
  nowMs += recentMs
  expect(peers.count()).toBe(1)
  nowMs += 2 * recentMs
  expect(peers.count()).toBe(0)
})
