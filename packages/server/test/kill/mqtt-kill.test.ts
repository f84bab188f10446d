import { expect, test } from 'vitest'
import { startMqttLoad } from '../harness/mqtt-load.ts'
import { isLong } from '../harness/random.ts'
import { checkFileSink, type FileSinkFigures, startFileSink } from './file-sink.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 200 : 10

test(
  `nothing acknowledged over MQTT at QoS 1 is lost by ${rounds} × kill -9, and all of it reaches a sink`,
  { timeout: rounds * 15_000 },
  async () => {
    const baseMs = Date.now() - 86_400_000
    let sink: FileSinkFigures | undefined
    const figures = await runKillRounds({
      name: 'mqtt kill',
      rounds,
      devices: 8,
      prepare: startFileSink,
      async check(run) {
        sink = await checkFileSink(run)
        console.log(
          `to a sink: stored ${sink.stored}, missing in the files ${sink.missing}, written twice ${sink.doubled}`,
        )
      },
      start: (port, device, from) => startMqttLoad(port, device, { inFlight: 50, baseMs, from }),
    })
    expect(figures.acknowledged).toBeGreaterThan(rounds * 100)
    expect(figures.missing).toBe(0)
    expect(figures.doubled).toBe(0)
    expect(sink?.missing).toBe(0)
  },
)
