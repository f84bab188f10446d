import { createHmac } from 'node:crypto'
import { makeTestCertificate, runBridge, type StartedPlugin, startPlugin, toMessages } from '@patchbay/testkit'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { toSasToken } from '../src/azure.ts'
import type { Config } from '../src/config.ts'
import { openLink } from '../src/link.ts'
import plugin from '../src/index.ts'
import { toPlan } from '../src/plan.ts'
import { toPreset } from '../src/preset.ts'
import { type CloudBroker, type CloudRules, startCloudBroker } from './cloud-broker.ts'

const manifest = new URL('../plugin.json', import.meta.url)
let server: { cert: string; key: string }
let client: { cert: string; key: string }
let broker: CloudBroker | undefined
let host: StartedPlugin | undefined

beforeAll(async () => {
  server = await makeTestCertificate(['localhost'])
  client = await makeTestCertificate(['thing'])
})
afterEach(async () => {
  await host?.stop()
  host = undefined
  await broker?.close()
  broker = undefined
})

const start = async (config: object): Promise<StartedPlugin> => {
  host = await startPlugin(plugin, { manifest, config: { url: `mqtts://localhost:${broker?.port}`, ...config } })
  await vi.waitFor(() => expect(host?.status).toMatchObject({ state: 'running' }), 5000)
  return host
}
const bridgeOf = (started: StartedPlugin) => {
  const bridge = started.bridges.get('mqtt')
  if (!bridge) throw new Error(JSON.stringify(started.status))
  return bridge
}
const published = (topic: RegExp): unknown[] =>
  (broker?.published ?? []).filter((each) => topic.test(each.topic)).map(({ payload }) => JSON.parse(String(payload)))

describe('AWS IoT Core', () => {
  const config = () => ({
    preset: 'aws' as const,
    clientId: 'gateway-1',
    tls: { ca: server.cert, cert: client.cert, key: client.key, alpn: 'x-amzn-mqtt-ca' },
  })
  const times: number[] = []
  const rules: CloudRules = {
    connect: ({ isCertified, connect }) => (isCertified && connect.username === undefined ? 0 : 0x87),
    publish({ topic, payload }) {
      times.push(performance.now())
      if (!topic.startsWith('$aws') && topic.split('/').length > 8) return 'more than 7 slashes'
      if (Buffer.byteLength(topic) > 256) return 'a long topic'
      if (payload.length > 128 * 1024) return 'a large payload'
      // Of the last second; what the network bunches is allowed for.
      if (times.filter((at) => at > performance.now() - 900).length > 200) return 'more than 100 in a second'
      return undefined
    },
    subscribe: (filters) => (filters.length > 8 ? 'more than 8 filters' : undefined),
  }

  test('lets a client in by certificate and ALPN, takes what keeps its limits, and the rest is told, not sent', async () => {
    broker = await startCloudBroker({ ...server, clientCa: client.cert }, rules)
    const filters = Array.from({ length: 20 }, (_, n) => ({ from: `in/${n}/#`, to: `in/${n}/#` }))
    const started = await start({ ...config(), out: [{ from: 'a/#' }], in: filters })
    expect(broker.clients[0]).toMatchObject({ alpn: 'x-amzn-mqtt-ca', isCertified: true })
    expect(broker.subscribed).toHaveLength(20)
    const of = (topic: string, bytes: Uint8Array, n: number) =>
      toMessages({ topic, count: 1, from: n, bytes: () => bytes }).map((message) => ({ ...message, qos: 2 as const }))
    const { refused } = await runBridge(bridgeOf(started), [
      ...of('a/1', Buffer.alloc(128 * 1024), 1),
      ...of('a/2', Buffer.alloc(128 * 1024 + 1), 2),
      ...of('a/b/c/d/e/f/g/h', Buffer.from('7'), 3),
      ...of('a/b/c/d/e/f/g/h/i', Buffer.from('8'), 4),
      ...of(`a/${'x'.repeat(255)}`, Buffer.from('9'), 5),
    ])
    expect(broker.published.map(({ topic, qos }) => [topic, qos])).toEqual([
      ['a/1', 1],
      ['a/b/c/d/e/f/g/h', 1],
    ])
    expect(refused.map(({ reply }) => reply)).toEqual([
      'The payload has 131073 bytes; this broker takes 131072.',
      'The topic has 8 slashes; this broker takes 7.',
      'The topic has 257 bytes; this broker takes 256.',
    ])
    expect(broker.cuts).toEqual([])
  })

  test('is given 100 messages a second and no more', async () => {
    broker = await startCloudBroker({ ...server, clientCa: client.cert }, rules)
    const started = await start({ ...config(), out: [{ from: 'a/#' }] })
    times.length = 0
    const sinceMs = performance.now()
    await runBridge(bridgeOf(started), toMessages({ topic: 'a/b', count: 160 }))
    expect(performance.now() - sinceMs).toBeGreaterThan(550)
    expect([broker.published.length, broker.cuts]).toEqual([160, []])
  })

  test('has the shadow of each thing mapped both ways', async () => {
    broker = await startCloudBroker({ ...server, clientCa: client.cert }, rules)
    const started = await start({ ...config(), shadows: true })
    expect(broker.subscribed).toContain('$aws/things/+/shadow/update/delta')
    const bytes = () => Buffer.from('{"speed":3,"gone":null}')
    const large = () => Buffer.from(JSON.stringify({ text: 'x'.repeat(8192) }))
    const { refused } = await runBridge(bridgeOf(started), [
      ...toMessages({ topic: 'devices/pump-1/shadow/reported', count: 1, bytes }),
      ...toMessages({ topic: 'devices/pump-1/shadow/reported', count: 1, from: 1, bytes: large }),
      ...toMessages({ topic: 'devices/pump-1/shadow/reported', count: 1, from: 2, bytes: () => Buffer.from('3') }),
      ...toMessages({ topic: 'devices/pump-1/telemetry', count: 1, from: 3 }),
    ])
    expect(published(/^\$aws\/things\/pump-1\/shadow\/update$/)).toEqual([
      { state: { reported: { speed: 3, gone: null } } },
    ])
    expect(published(/^gateway-1\/devices\/pump-1\/telemetry$/)).toEqual([3])
    expect(refused.map(({ reply }) => reply)).toEqual([
      expect.stringContaining('8192 bytes'),
      expect.stringContaining('JSON object'),
    ])
    const delta = JSON.stringify({ version: 12, timestamp: 1, state: { speed: 5 }, metadata: {} })
    broker.clients[0]?.publish('$aws/things/pump-1/shadow/update/delta', delta)
    await vi.waitFor(() =>
      expect(started.bridged.published).toMatchObject([
        { topic: 'devices/pump-1/shadow/desired', text: '{"delta":{"speed":5},"version":12}' },
      ]),
    )
  })

  test('is reached at port 443 by its ALPN, and not without a certificate', async () => {
    const values = { ...base, ...config(), url: 'mqtts://x-ats.iot.eu-west-1.amazonaws.com:443', tls: { ...client } }
    expect(toPlan(values).target).toMatchObject({ port: 443, tls: { alpn: 'x-amzn-mqtt-ca' } })
    expect(toPlan({ ...values, url: 'mqtts://x-ats.iot.eu-west-1.amazonaws.com' }).target.tls?.alpn).toBeUndefined()
    expect(() => toPlan({ ...values, tls: {} })).toThrow(/certificate/)
    expect(() => toPlan({ ...values, url: 'mqtt://x-ats.iot.eu-west-1.amazonaws.com' })).toThrow(/TLS only/)
  })
})

const base: Omit<Config, 'url' | 'clientId'> = {
  preset: 'none',
  version: 'auto',
  out: [],
  in: [],
  tokenMinutes: 60,
  shadows: false,
  keepAliveSeconds: 30,
  queueMb: 1,
}

describe('Azure IoT Hub', () => {
  const sharedAccessKey = Buffer.from('the primary key of the device').toString('base64')
  const config = () => ({ preset: 'azure' as const, clientId: 'edge-1', sharedAccessKey, tls: { ca: server.cert } })
  /** As the hub does it, from the text of the token alone. */
  const isGood = (token: string, nowSeconds = Date.now() / 1000): boolean => {
    const [, sr = '', sig = '', se = ''] = /^SharedAccessSignature sr=([^&]+)&sig=([^&]+)&se=(\d+)$/.exec(token) ?? []
    const wanted = createHmac('sha256', Buffer.from(sharedAccessKey, 'base64')).update(`${sr}\n${se}`).digest('base64')
    return (
      decodeURIComponent(sr) === 'localhost/devices/edge-1' &&
      decodeURIComponent(sig) === wanted &&
      Number(se) > nowSeconds
    )
  }
  const rules: CloudRules = {
    connect({ connect }) {
      if (connect.protocolVersion !== 4) return 1
      const isKnown = connect.clientId === 'edge-1' && connect.username === 'localhost/edge-1/?api-version=2021-04-12'
      return isKnown && isGood(String(connect.password)) ? 0 : 5
    },
    publish({ topic }, from) {
      if (topic.startsWith('$iothub/twin/GET/?$rid=')) {
        const rid = topic.split('=')[1]
        from.publish(
          `$iothub/twin/res/200/?$rid=${rid}`,
          '{"desired":{"speed":1,"$version":3},"reported":{"$version":7}}',
          0,
        )
        return undefined
      }
      const isOurs = /^(devices\/edge-1\/messages\/events\/|\$iothub\/twin\/PATCH\/properties\/reported\/\?\$rid=\d+$)/
      return isOurs.test(topic) ? undefined : `the topic ${topic}`
    },
    subscribe: (filters) =>
      filters.find(
        (filter) =>
          !/^(devices\/edge-1\/messages\/devicebound\/#|\$iothub\/twin\/(res|PATCH\/properties\/desired)\/.*#)$/.test(
            filter,
          ),
      ),
  }

  test('lets a device in by a token made of its key, and its twin is mapped both ways', async () => {
    broker = await startCloudBroker(server, rules)
    const started = await start({ ...config(), shadows: true, twinDevice: 'plant' })
    // What was desired while this side was away comes with the answer to the first question.
    await vi.waitFor(() =>
      expect(started.bridged.published).toMatchObject([
        { topic: 'devices/plant/shadow/desired', text: '{"delta":{"speed":1},"version":3}' },
      ]),
    )
    const bytes = (n: number) => Buffer.from(`{"n":${n}}`)
    const { refused } = await runBridge(bridgeOf(started), [
      ...toMessages({ topic: 'devices/boiler-1/telemetry', count: 1, bytes }),
      ...toMessages({ topic: 'devices/plant/shadow/reported', count: 2, from: 1, bytes }),
    ])
    expect(refused).toEqual([])
    await vi.waitFor(() => expect(broker?.published).toHaveLength(4))
    expect(broker.published.map(({ topic }) => topic)).toEqual([
      '$iothub/twin/GET/?$rid=0',
      'devices/edge-1/messages/events/$.ct=application%2Fjson&$.ce=utf-8&device=boiler-1',
      '$iothub/twin/PATCH/properties/reported/?$rid=1',
      '$iothub/twin/PATCH/properties/reported/?$rid=2',
    ])
    const [cloud] = broker.clients
    cloud?.publish('$iothub/twin/PATCH/properties/desired/?$version=4', '{"speed":2,"$version":4}', 0)
    cloud?.publish('devices/edge-1/messages/devicebound/%24.to=%2Fdevices%2Fedge-1', 'open the door')
    await vi.waitFor(() => expect(started.bridged.published).toHaveLength(3))
    expect(started.bridged.published.slice(1)).toMatchObject([
      { topic: 'devices/plant/shadow/desired', text: '{"delta":{"speed":2},"version":4}' },
      { topic: 'azure/edge-1/devicebound', text: 'open the door' },
    ])
    expect(broker.cuts).toEqual([])
  })

  test('says that a key is wrong, and what is no key is refused when it is saved', async () => {
    broker = await startCloudBroker(server, rules)
    host = await startPlugin(plugin, {
      manifest,
      config: { url: `mqtts://localhost:${broker.port}`, ...config(), sharedAccessKey: 'AAAA' },
    })
    await vi.waitFor(() =>
      expect(host?.status).toMatchObject({ state: 'degraded', text: expect.stringContaining('0x05') }),
    )
    expect(JSON.stringify(host.status)).not.toContain('AAAA')
    const values = { ...base, ...config(), url: 'mqtts://hub.azure-devices.net' }
    expect(() => toPlan({ ...values, sharedAccessKey: 'no base64!' })).toThrow(/base64/)
    expect(toPlan(values).target).toMatchObject({ host: 'hub.azure-devices.net', port: 8883 })
  })

  test('a token is exchanged before its end, and nothing that is under way is lost', async () => {
    let nowMs = 1_764_000_000_000
    const values = { ...base, ...config(), url: 'mqtts://localhost', tokenMinutes: 5 }
    const login = () => toPreset(values, () => nowMs).login?.() ?? { username: '' }
    const first = login()
    expect(isGood(first.password ?? '', nowMs / 1000)).toBe(true)
    expect(isGood(first.password ?? '', nowMs / 1000 + 301)).toBe(false)
    expect(first.renewAfterMs).toBe(240_000)
    nowMs += 240_000
    expect(login().password).toBe(toSasToken('localhost/devices/edge-1', sharedAccessKey, nowMs / 1000 + 300))

    // A second of such a time, with the hub that cuts off at the end.
    broker = await startCloudBroker(server, {
      ...rules,
      connect(one) {
        const endsAt = Number(/se=(\d+)/.exec(String(one.connect.password))?.[1])
        setTimeout(() => one.cut('the token has ended'), endsAt * 1000 - Date.now()).unref()
        return rules.connect(one)
      },
    })
    const troubles: (string | undefined)[] = []
    const stop = new AbortController()
    const link = openLink({
      target: { host: 'localhost', port: broker.port, tls: { ca: server.cert } },
      login: () => ({
        version: 4,
        asBridge: false,
        clientId: 'edge-1',
        clean: false,
        keepalive: 30,
        username: 'localhost/edge-1/?api-version=2021-04-12',
        password: Buffer.from(
          toSasToken('localhost/devices/edge-1', sharedAccessKey, Math.floor(Date.now() / 1000) + 2),
        ),
        renewAfterMs: 300,
      }),
      subscriptions: [],
      filtersAtOnce: 8,
      take: async () => 0,
      hear: (trouble) => troubles.push(trouble),
      signal: stop.signal,
    })
    await link.tried
    let sent = 0
    while (broker.clients.length < 4) {
      const topic = 'devices/edge-1/messages/events/'
      expect(await link.outbox.publish(`m${(sent += 1)}`, { topic, payload: '1', qos: 1, retain: false })).toEqual({
        kind: 'taken',
      })
      await vi.waitFor(() => undefined)
    }
    await link.close()
    expect(broker.published.length).toBeGreaterThanOrEqual(sent)
    expect(broker.cuts).toEqual([])
    expect(troubles.filter((trouble) => trouble !== undefined)).toEqual([])
  })
})
