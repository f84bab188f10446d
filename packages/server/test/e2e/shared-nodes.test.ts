import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { openLive } from '../harness/live-viewer.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { isLong } from '../harness/random.ts'
import { noOwnRedis, startRedis, type RedisServer } from '../harness/redis-server.ts'
import { perSecond, rounds, runRedisRounds } from '../kill/redis-rounds.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'
import { startNode, type SharedNode } from '../harness/shared-nodes.ts'

const takenOver = 0x8e

describe.skipIf(noOwnRedis !== undefined)(
  `nodes on one Redis${noOwnRedis === undefined ? '' : `: ${noOwnRedis}`}`,
  { timeout: 40_000 },
  () => {
    let redis: RedisServer
    let a: SharedNode
    let b: SharedNode
    beforeAll(async () => {
      redis = await startRedis()
      const start = () => startNode({ REDIS_URL: redis.url })
      ;[a, b] = await Promise.all([start(), start()])
    }, 60_000)
    afterAll(async () => {
      await Promise.all([a, b].map((node) => node?.close()))
      await redis?.stop()
    })

    test('a subscriber at one node gets what is published at the other from its SUBACK on, at each QoS', async () => {
      const publisher = await a.connect()
      for (const qos of [0, 1, 2] as const) {
        const subscriber = await b.connect()
        await subscriber.mqtt.subscribeAsync(`across/${qos}/#`, { qos })
        await publisher.mqtt.publishAsync(`across/${qos}/x`, `q${qos}`, { qos })
        expect(await subscriber.next()).toMatchObject({ topic: `across/${qos}/x`, text: `q${qos}`, packet: { qos } })
        await subscriber.end()
      }
      await publisher.end()
    })

    test('the same client id at another node takes the session over, with what waits for it', async () => {
      const kept = { clientId: 'mover', clean: false, properties: { sessionExpiryInterval: 600 } }
      const publisher = await a.connect()
      const first = await a.connect(kept)
      await first.mqtt.subscribeAsync('moving/#', { qos: 2 })
      await publisher.mqtt.publishAsync('moving/0', 'zero', { qos: 1 })
      expect((await first.next()).text).toBe('zero')
      const second = await b.connect(kept)
      await vi.waitFor(() => expect([first.goodbye(), first.closed()]).toEqual([takenOver, true]))
      await publisher.mqtt.publishAsync('moving/1', 'one', { qos: 1 })
      expect((await second.next()).text).toBe('one')
      await second.end()
      for (let n = 0; n < 10; n++) {
        await publisher.mqtt.publishAsync('moving/1', `1-${n}`, { qos: 1 })
        await publisher.mqtt.publishAsync('moving/2', `2-${n}`, { qos: 2 })
      }
      const third = await a.connect(kept)
      await third.next(19)
      // the order is that of one QoS [MQTT-4.6.0-6]
      for (const qos of [1, 2]) {
        const texts = third.got.flatMap(({ text, packet }) => (packet.qos === qos ? [text] : []))
        expect(texts).toEqual(Array.from({ length: 10 }, (_, n) => `${qos}-${n}`))
      }
      await third.end()
      await publisher.end()
    })

    test('a retained value is every node’s, and the newest one is', async () => {
      const [onA, onB] = await Promise.all([a.connect(), b.connect()])
      await onA.mqtt.publishAsync('kept/x', 'first', { qos: 1, retain: true })
      await onB.mqtt.publishAsync('kept/x', 'second', { qos: 1, retain: true })
      const late = await a.connect()
      await late.mqtt.subscribeAsync('kept/#', { qos: 1 })
      expect(await late.next()).toMatchObject({ text: 'second', packet: { retain: true } })
      await onA.mqtt.publishAsync('kept/x', '', { qos: 1, retain: true })
      const later = await b.connect()
      await later.mqtt.subscribeAsync(['kept/#', 'end/#'], { qos: 1 })
      await onA.mqtt.publishAsync('end/x', 'end', { qos: 1 })
      expect((await later.next()).text).toBe('end')
      await Promise.all([onA, onB, late, later].map((each) => each.end()))
    })

    test('one member of a group over all nodes gets a message', async () => {
      const members = await Promise.all([a.connect(), b.connect(), b.connect()])
      for (const member of members) await member.mqtt.subscribeAsync('$share/g/jobs/#', { qos: 1 })
      const publisher = await a.connect()
      for (let n = 0; n < 30; n++) await publisher.mqtt.publishAsync('jobs/x', String(n), { qos: 1 })
      await vi.waitFor(() => expect(members.reduce((sum, { got }) => sum + got.length, 0)).toBe(30))
      expect(members.map(({ got }) => got.length)).toEqual([10, 10, 10])
      await Promise.all([publisher, ...members].map((each) => each.end()))
    })

    test('messages, commands and what a console looks at go from node to node', async () => {
      // Their registries are apart here: each knows the device, by a secret of its own.
      const [apiA, apiB] = [createApi(a.server.url), createApi(b.server.url)]
      const onA = await createDevice(apiA, 'n1')
      const onB = await createDevice(apiB, 'n1')
      const viewer = await openLive(b.server.port)
      viewer.send({ subscribe: { kind: 'devices', ids: ['n1'] } })
      const web = await connectWebSocket(b.server.port, { auth: `${onB.id}:${onB.secret}` })
      await web.ask({ subscribe: 'devices/n1/#' })
      const device = await connectMqtt(b.server.port, onB)
      await device.mqtt.subscribeAsync('devices/n1/commands/+', { qos: 1 })
      const post = createDeviceHttp(a.server.url, onA)
      await vi.waitFor(async () => {
        expect((await post('devices/n1/telemetry', { heat: 21 })).status).toBe(204)
        expect(viewer.seen.devices['n1']?.values?.heat?.value).toBe(21)
      })
      await web.next((frame) => frame['message'] === 'devices/n1/telemetry')
      const sent = await apiA.post('/api/v1/devices/n1/commands', { name: 'blink' })
      expect(await device.next()).toMatchObject({ topic: `devices/n1/commands/${sent.body.id}` })
      await Promise.all([device.end(), web.close()])
      viewer.close()
    })

    // The others have to be sure that it is dead: that takes ten seconds.
    test.skipIf(!isLong)(
      'what a killed node held goes on at another: its session, its queue and, once, its will',
      async () => {
        const survivor = { clientId: 'survivor', clean: false, properties: { sessionExpiryInterval: 600 } }
        const c = await startNode({ REDIS_URL: redis.url })
        const watcher = await a.connect()
        await watcher.mqtt.subscribeAsync('wills/#', { qos: 1 })
        const doomed = await c.connect(survivor)
        await doomed.mqtt.subscribeAsync('survives/#', { qos: 1 })
        await c.connect({ will: { topic: 'wills/lost', payload: Buffer.from('gone'), qos: 1, retain: false } })
        await c.server.kill()
        const publisher = await a.connect()
        await publisher.mqtt.publishAsync('survives/x', 'meanwhile', { qos: 1 })
        const back = await b.connect({ ...survivor, connectTimeout: 20_000 })
        expect((await back.next()).text).toBe('meanwhile')
        await vi.waitFor(() => expect(watcher.got.map(({ text }) => text)).toEqual(['gone']), { timeout: 20_000 })
        await Promise.all([watcher, publisher, back].map((each) => each.end()))
        await c.close()
      },
    )

    test(
      `${rounds} × kill -9 of Redis under ${perSecond}/s at QoS 1: what was acknowledged reaches the kept sessions of another node`,
      { timeout: 100_000 + rounds * 10_000 },
      async () => {
        await runRedisRounds(redis, a, b).catch((error: unknown) => {
          console.log(a.server.output().slice(-3_000), b.server.output().slice(-3_000))
          throw error
        })
      },
    )
  },
)
