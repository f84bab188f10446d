import { expect, test } from 'vitest'
import { startHttpLoad } from '../harness/http-load.ts'
import { isLong } from '../harness/random.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 200 : 10

test(`nothing acknowledged over HTTP is lost by ${rounds} × kill -9`, { timeout: rounds * 15_000 }, async () => {
  const baseMs = Date.now() - 86_400_000
  const figures = await runKillRounds({
    name: 'http kill',
    rounds,
    devices: 8,
    start: (port, device, from) => startHttpLoad(port, device, { inFlight: 50, baseMs, from }),
  })
  expect(figures.acknowledged).toBeGreaterThan(rounds * 100)
  expect(figures.missing).toBe(0)
  expect(figures.doubled).toBe(0)
})
