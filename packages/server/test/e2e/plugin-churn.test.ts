import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { createApi, createDevice, readAll } from '../harness/api.ts'
import { startInProcess } from '../harness/in-process.ts'
import { startPacedMqtt } from '../harness/paced-mqtt.ts'

const cycles = 100
const warmUp = 20
const perSecond = 1000
const messagesPerCycle = 50
const heapGrowthLimitMb = 4

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')
const heapMb = (): number => {
  gc()
  gc()
  return process.memoryUsage().heapUsed / 2 ** 20
}

test(
  `adapter-http is disabled, enabled and reconfigured ${cycles} times under ${perSecond} msg/s over MQTT without a loss or a leak`,
  { timeout: 120_000 },
  async () => {
    const server = await startInProcess()
    const api = createApi(server.url)
    const device = await createDevice(api, 'steady-1')
    const http = (): Promise<number> =>
      fetch(`${server.url}/v1/devices/steady-1/heartbeat`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${device.id}:${device.secret}`)}` },
        body: '1',
      }).then(async (answer) => {
        await answer.arrayBuffer()
        return answer.status
      })
    const instance = '/api/v1/plugins/adapter-http/instances/default'
    const load = await startPacedMqtt(server.port, device, { perSecond, baseMs: Date.now() - 3_600_000 })
    let heapBefore = 0
    let handlesBefore = 0
    for (let cycle = 0; cycle < cycles; cycle++) {
      if (cycle === warmUp) {
        heapBefore = heapMb()
        handlesBefore = process.getActiveResourcesInfo().length
      }
      expect((await api.post(`${instance}/disable`)).body.state).toBe('stopped')
      if (cycle % 10 === 0) expect(await http()).toBe(404)
      expect((await api.post(`${instance}/enable`)).body.state).toBe('running')
      const config = { maxBodyKib: 64 + (cycle % 2), maxWaitSeconds: 30 }
      expect((await api.put(instance, { config })).body).toMatchObject({ state: 'running', config })
      if (cycle % 10 === 0) expect(await http()).toBe(204)
      // Spread over the flow: each cycle meets messages of its own.
      const enough = (cycle + 1) * messagesPerCycle
      await vi.waitUntil(() => load.sent >= enough || !load.connected, { timeout: 10_000, interval: 5 })
    }
    const heapAfter = heapMb()
    const handlesAfter = process.getActiveResourcesInfo().length
    const rssMb = process.memoryUsage().rss / 2 ** 20
    expect(load.connected).toBe(true)
    await load.finish()
    const stored = await readAll(api, device.id, 'n')
    console.log(
      `plugin churn: ${cycles} cycles, sent ${load.sent}, acknowledged ${load.acked}, stored ${stored.length}; heap after GC ` +
        `${heapBefore.toFixed(1)} → ${heapAfter.toFixed(1)} MB, handles ${handlesBefore} → ${handlesAfter}, RSS ${rssMb.toFixed(0)} MB`,
    )
    await server.close()
    expect(load.acked).toBe(load.sent)
    expect(stored).toHaveLength(load.sent)
    expect(load.sent).toBeGreaterThanOrEqual(cycles * messagesPerCycle)
    expect(heapAfter - heapBefore).toBeLessThan(heapGrowthLimitMb)
    expect(handlesAfter - handlesBefore).toBeLessThanOrEqual(2)
  },
)
