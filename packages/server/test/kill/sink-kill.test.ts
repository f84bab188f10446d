import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { startMqttLoad } from '../harness/mqtt-load.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

const rounds = isLong ? 10 : 2
const roundMs = isLong ? 5000 : 1200
const instance = '/api/v1/plugins/sink-file/instances/main'

/** Every number in the files, as often as it is there, in their order. */
const readFiles = async (folder: string): Promise<Map<string, number[]>> => {
  const numbers = new Map<string, number[]>()
  for (const name of (await readdir(folder)).toSorted()) {
    const bytes = await readFile(join(folder, name))
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const { device, values } = JSON.parse(line)
      numbers.set(device, [...(numbers.get(device) ?? []), values.n])
    }
  }
  return numbers
}

test(
  `everything stored reaches a sink through ${rounds} × kill -9`,
  { timeout: rounds * 20_000 + 60_000 },
  async () => {
    const random = createRandom('sink kill')
    const data = await makeDataFolder()
    try {
      let server = await startServer({ data: data.path })
      let api = createApi(server.url)
      const devices: TestDevice[] = [await createDevice(api, 'dev-0'), await createDevice(api, 'dev-1')]
      const put = await api.put(instance, { delivery: { from: 'beginning', wait: '100ms' }, config: { rotateMb: 1 } })
      expect(put.status).toBe(200)
      const baseMs = Date.now() - 86_400_000
      const next = devices.map(() => 0)
      const acked = devices.map((): number[] => [])
      let loadedMs = 0
      for (let round = 0; round < rounds; round++) {
        if (round > 0) server = await startServer({ data: data.path })
        const began = performance.now()
        const loads = devices.map((device, i) =>
          startMqttLoad(server.port, device, { inFlight: 50, baseMs, from: next[i] ?? 0 }),
        )
        await wait(roundMs * (0.6 + 0.8 * random.next()))
        await server.kill()
        await Promise.all(loads.map((load) => load.ended))
        loadedMs += performance.now() - began
        loads.forEach((load, i) => {
          acked[i]?.push(...load.acked)
          next[i] = load.next
        })
      }
      server = await startServer({ data: data.path })
      api = createApi(server.url)
      await vi.waitFor(
        async () => {
          const { body } = await api.get(instance)
          expect(body).toMatchObject({ lag: { records: 0 }, refused: 0, deliveryStatus: { gone: 0 } })
        },
        { timeout: 30_000, interval: 100 },
      )
      const files = await readFiles(join(data.path, 'plugins/sink-file/main'))
      let stored = 0
      let missing = 0
      let doubled = 0
      for (const [i, device] of devices.entries()) {
        const points = (await readAll(api, device.id, 'n')).map(({ value }) => Number(value))
        const found = files.get(device.id) ?? []
        const present = new Set(found)
        stored += points.length
        doubled += found.length - present.size
        missing += [...points, ...(acked[i] ?? [])].filter((n) => !present.has(n)).length
      }
      await server.stop()
      const acknowledged = acked.flat().length
      console.log(
        `sink kill: ${rounds} × kill -9 at ${Math.round(acknowledged / (loadedMs / 1000))} msg/s, acknowledged ${acknowledged}, ` +
          `stored ${stored}, missing in the files ${missing}, written twice ${doubled}, seed ${random.seed}`,
      )
      expect(acknowledged).toBeGreaterThan(rounds * 100)
      expect(missing).toBe(0)
      // At most what was on its way when the server died: half a second of batches.
      expect(doubled).toBeLessThan(stored / 2)
    } finally {
      await data.remove()
    }
  },
)
