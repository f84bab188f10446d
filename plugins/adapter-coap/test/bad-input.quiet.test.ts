import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createFakeSessions, startPlugin } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { createCoapClient } from './coap-client.ts'
import { createMutator, createRandom } from './mutated-datagrams.ts'

const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
const datagrams = isLong ? 300_000 : 20_000
/** From here on memory is compared: the tables that are to fill have filled. */
const warmUp = isLong ? 150_000 : 10_000
/** What is sent before the server is asked whether it is there: no more than its socket holds. */
const burst = 50
const device = { id: 'meter-1', secret: 'secret-of-meter-1' }

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')
const heapBytes = (): number => {
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed
}

test(
  `${datagrams} damaged datagrams: nothing breaks, memory stays, others are answered`,
  { timeout: 600_000 },
  async () => {
    const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    console.log(`coap bad input: seed ${seed}`)
    const rejections: unknown[] = []
    const onRejection = (error: unknown) => rejections.push(error)
    process.on('unhandledRejection', onRejection)
    const sessions = createFakeSessions({ devices: { [device.id]: device.secret } })
    const host = await startPlugin(plugin, {
      manifest: new URL('../plugin.json', import.meta.url),
      sessions,
      config: { port: 0, securePort: 0, datagramsPerSecond: 1_000_000 },
    })
    const bad = await Promise.all(Array.from({ length: 8 }, () => host.datagrams.connect()))
    const good = createCoapClient(await host.datagrams.connect())
    const next = createMutator(createRandom(seed), device)
    // The fakes remember everything; that is not the adapter's memory.
    const forget = () => {
      for (const list of [sessions.published, sessions.opened, sessions.refusals]) (list as unknown[]).length = 0
      good.received.length = 0
    }
    const times: number[] = []
    let before = 0
    for (let sent = 0; sent < datagrams; sent += burst) {
      if (sent === warmUp) before = heapBytes()
      for (let at = 0; at < burst; at++) bad[(sent / burst) % bad.length]?.send(next())
      const began = performance.now()
      const path = `devices/${device.id}/telemetry`
      const answer = await good.ask({ path, query: { user: device.id, pass: device.secret }, payload: '{"a":1}' })
      times.push(performance.now() - began)
      expect(answer.code).toBe('2.04')
      forget()
    }
    const after = heapBytes()
    times.sort((a, b) => a - b)
    const p99 = times[Math.floor(times.length * 0.99)] ?? 0
    console.log(
      `coap bad input: ${datagrams} datagrams, heap ${(before / 1e6).toFixed(1)} -> ${(after / 1e6).toFixed(1)} MB, ` +
        `others' p99 ${p99.toFixed(1)} ms, worst ${(times.at(-1) ?? 0).toFixed(1)} ms, seed ${seed}`,
    )
    expect(host.status.state).toBe('running')
    expect(host.log.lines.filter(({ level }) => level === 'error')).toEqual([])
    good.close()
    for (const socket of bad) socket.close()
    expect(await host.stop()).toEqual({ failures: [], left: [] })
    process.off('unhandledRejection', onRejection)
    expect(rejections).toEqual([])
    expect(after).toBeLessThan(before * 1.3)
    expect(p99).toBeLessThan(250)
  },
)
