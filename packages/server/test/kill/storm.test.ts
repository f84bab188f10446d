import { expect, test } from 'vitest'
import { isLong } from '../harness/random.ts'
import { runStorm } from './storm.ts'

const seconds = isLong ? 60 : 4
const kills = isLong ? 4 : 1
const settleMs = isLong ? 60_000 : 20_000

test(
  `${kills} × kill -9 and a cut of every subscriber each second lose, double and disorder nothing`,
  { timeout: (seconds * 2 + 30 + kills * 30) * 1000 + settleMs * 3 },
  async () => {
    const figures = await runStorm({ devices: 50, seconds, kills, perSecond: 500, settleMs })
    expect(figures).toMatchObject({
      missingInStore: 0,
      missingAtSubscribers: 0,
      doubledAtQos2: 0,
      outOfOrder: 0,
      outOfOrderOfDevice: 0,
      faults: [],
      stalled: [],
    })
    expect(figures.acknowledged).toBeGreaterThan(seconds * 50)
  },
)
