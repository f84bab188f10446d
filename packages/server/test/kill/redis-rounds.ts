import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import mqtt from 'mqtt'
import { expect, vi } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'
import { createRandom, isLong } from '../harness/random.ts'
import type { RedisServer } from '../harness/redis-server.ts'
import type { SharedNode } from '../harness/shared-nodes.ts'
import { startSteadyMqtt } from '../harness/steady-mqtt.ts'

export const rounds = isLong ? 20 : 2
const publishers = 8
export const perSecond = 2_000
const betweenMs = { least: 300, most: 800 }
const awayMs = 500
/** So long nothing is answered; then a client is sent away. */
const longAwayMs = isLong ? 15_000 : 0
const caughtUpLimitMs = 60_000
const growthLimitMiB = 200
const away = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 3_600 } }
const awayEvery = 50

const residentMiB = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024

/** Redis is killed while one node takes messages for kept sessions, one of which is at the other node and one away. */
export async function runRedisRounds(redis: RedisServer, a: SharedNode, b: SharedNode): Promise<void> {
  const random = createRandom('shared nodes kill')
  const got = new Set<string>()
  let copies = 0
  const reader = mqtt.connect({
    port: b.server.port,
    clientId: 'reader',
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3_600, receiveMaximum: 1_000 },
    reconnectPeriod: 200,
  })
  reader.on('error', () => undefined) // it comes again by itself
  reader.on('message', (_topic, payload) => {
    got.add(payload.toString())
    copies++
  })
  try {
    await new Promise((resolve) => reader.once('connect', resolve))
    await reader.subscribeAsync('load/#', { qos: 1 })
    const absent = await a.connect(away)
    await absent.mqtt.subscribeAsync('load/0/away', { qos: 1 })
    await absent.end()
    const device = await createDevice(createApi(a.server.url), 'steady')
    const telemetry = await connectMqtt(a.server.port, device)
    const loads = Array.from({ length: publishers }, (_, i) =>
      startSteadyMqtt(
        a.server.port,
        { id: `p${i}`, secret: '' },
        {
          perSecond: perSecond / publishers,
          baseMs: 0,
          topic: `load/${i}`,
          payloadOf: (n) => `${i} ${n}`,
        },
      ),
    )
    const slow = startSteadyMqtt(
      a.server.port,
      { id: 'slow', secret: '' },
      { perSecond: awayEvery, baseMs: 0, topic: 'load/0/away', payloadOf: (n) => `slow ${n}` },
    )
    await wait(500)
    const before = [a, b].map(({ server }) => residentMiB(server.child.pid))
    const resumedMs: number[] = []
    for (let round = 0; round < rounds; round++) {
      await wait(betweenMs.least + random.next() * (betweenMs.most - betweenMs.least))
      await redis.kill()
      // what needs no other node is acknowledged: it is durable in the telemetry store
      await telemetry.mqtt.publishAsync('devices/steady/telemetry', `{"round":${round}}`, { qos: 1 })
      await wait(round === 0 ? Math.max(awayMs, longAwayMs) : awayMs)
      const acked = loads.reduce((sum, load) => sum + load.acked.length, 0)
      await redis.restart()
      const from = performance.now()
      const isBack = () => expect(loads.reduce((sum, load) => sum + load.acked.length, 0)).toBeGreaterThan(acked + 500)
      await vi.waitFor(isBack, { timeout: caughtUpLimitMs, interval: 20 })
      resumedMs.push(performance.now() - from)
    }
    await wait(200)
    const growth = [a, b].map(({ server }, at) => residentMiB(server.child.pid) - before[at]!)
    await Promise.all([...loads, slow].map((load) => load.stop()))
    const acknowledged = loads.flatMap((load, i) => load.acked.map((n) => `${i} ${n}`))
    const from = performance.now()
    const missing = () => acknowledged.filter((each) => !got.has(each))
    await vi.waitFor(() => expect(missing().length).toBe(0), { timeout: caughtUpLimitMs, interval: 100 })
    const caughtUpMs = performance.now() - from
    const late = await b.connect(away)
    const heard = () => new Set(late.got.map(({ text }) => text))
    await vi.waitFor(() => expect(slow.acked.filter((n) => !heard().has(`slow ${n}`))).toEqual([]), {
      timeout: caughtUpLimitMs,
      interval: 100,
    })
    console.log(
      `shared nodes kill: ${rounds} × kill -9 of Redis, acknowledged ${acknowledged.length}, missing ${missing().length}, ` +
        `copies ${copies - got.size} more than messages, waiting for who was away ${slow.acked.length}, missing 0, ` +
        `acknowledging again after at most ${Math.round(Math.max(...resumedMs))} ms, caught up ${Math.round(caughtUpMs)} ms ` +
        `after the last, memory + ${growth.map(Math.round).join(' and + ')} MiB, seed ${random.seed}`,
    )
    expect(Math.max(...growth)).toBeLessThan(growthLimitMiB)
    await Promise.all([late.end(), telemetry.end()])
  } finally {
    reader.end(true)
  }
}
