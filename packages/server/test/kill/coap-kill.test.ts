import { expect, test } from 'vitest'
import { awaitCoap, startCoapLoad } from '../harness/coap-load.ts'
import { isLong } from '../harness/random.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 50 : 5

test(
  `nothing acknowledged over confirmable CoAP is lost by ${rounds} × kill -9`,
  { timeout: rounds * 15_000 },
  async () => {
    const baseMs = Date.now() - 86_400_000
    const figures = await runKillRounds({
      name: 'coap kill',
      rounds,
      devices: 8,
      ready: awaitCoap,
      start: (port, device, from) => startCoapLoad(port, device, { inFlight: 50, baseMs, from }),
    })
    expect(figures.acknowledged).toBeGreaterThan(rounds * 100)
    expect(figures.missing).toBe(0)
    expect(figures.doubled).toBe(0)
  },
)
