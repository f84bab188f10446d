import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type AlertHost, startAlertHost } from '../harness/alert-host.ts'
import { startAlertSink } from '../harness/alert-sink.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder } from '../harness/server-process.ts'
import { createAlertLoad } from './alert-load.ts'

const rounds = isLong ? 20 : 3
const killBetweenMs = { least: 1000, most: 3000 }
const settleMs = 60_000

test(
  `no notification is lost by ${rounds} × kill -9 of the platform under 200 alerts/s`,
  { timeout: 60_000 + rounds * 15_000 },
  async () => {
    const random = createRandom('alert kill')
    const data = await makeDataFolder()
    const sink = await startAlertSink()
    const load = createAlertLoad()
    const start = () => startAlertHost({ data: data.path, url: sink.url, onApplied: load.onApplied })
    let host: AlertHost = await start()
    try {
      for (let round = 0; round < rounds; round++) {
        load.follow(host)
        await wait(killBetweenMs.least + random.next() * (killBetweenMs.most - killBetweenMs.least))
        await host.kill()
        load.stop()
        host = await start()
      }
      load.follow(host)
      await wait(500)
      load.stop()
      const missing = () => load.rules.filter((rule) => !sink.rules.has(rule)).length
      await vi.waitFor(() => expect([load.waiting, missing()]).toEqual([0, 0]), { timeout: settleMs, interval: 100 })
      const doubled = [...sink.tries.values()].reduce((sum, tries) => sum + tries - 1, 0)
      console.log(
        `alert kill: ${rounds} × kill -9, alerts ${load.rules.length}, missing ${missing()}, tries beyond the first ${doubled} ` +
          `(${((100 * doubled) / load.rules.length).toFixed(2)} %), seed ${random.seed}`,
      )
      expect(load.rules.length).toBeGreaterThan(rounds * 100)
    } catch (error) {
      console.log(host.errors())
      throw error
    } finally {
      load.stop()
      await host.kill()
      await sink.close()
      await data.remove()
    }
  },
)
