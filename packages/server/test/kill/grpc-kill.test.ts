import { expect, test } from 'vitest'
import { isLong } from '../harness/random.ts'
import { startGrpcLoad } from '../harness/grpc-load.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 50 : 5

test(`nothing acknowledged over gRPC is lost by ${rounds} × kill -9`, { timeout: rounds * 15_000 }, async () => {
  const baseMs = Date.now() - 86_400_000
  const figures = await runKillRounds({
    name: 'grpc kill',
    rounds,
    devices: 8,
    start: (port, device, from) => startGrpcLoad(port, device, { inFlight: 50, baseMs, from }),
  })
  expect(figures.acknowledged).toBeGreaterThan(rounds * 100)
  expect(figures.missing).toBe(0)
  expect(figures.doubled).toBe(0)
})
