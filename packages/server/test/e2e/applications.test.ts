import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { type Api, createApi } from '../harness/api.ts'
import { isInstalled, runCoapClient } from '../harness/coap-client.ts'
import { connectGrpc } from '../harness/grpc-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

const allowed = 'plant/orders'
const foreign = 'office/orders'
const user = 'key'

let server: InProcess
let api: Api
const keys: Record<'good' | 'removed' | 'expired', string> = { good: '', removed: '', expired: '' }

const basic = (secret: string) => `${user}:${secret}`
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'ok',
    (error: { code?: unknown; message?: string }) => error.code ?? error.message,
  )

/** What an application is answered when it publishes with this secret: 'ok', or the protocol's own word. */
const protocols: Record<string, (secret: string, topic: string) => Promise<unknown>> = {
  async http(secret, topic) {
    const headers = { authorization: `Basic ${btoa(basic(secret))}` }
    const { status } = await fetch(`${server.url}/v1/${topic}`, { method: 'POST', headers, body: '1' })
    return status === 204 ? 'ok' : status
  },
  async 'http by bearer'(secret, topic) {
    const headers = { authorization: `Bearer ${secret}` }
    const { status } = await fetch(`${server.url}/v1/${topic}`, { method: 'POST', headers, body: '1' })
    return status === 204 ? 'ok' : status
  },
  async mqtt(secret, topic) {
    const client = await connectMqtt(server.port, { id: user, secret }).catch(({ code }: { code: number }) => code)
    if (typeof client === 'number') return client
    const answer = await codeOf(client.mqtt.publishAsync(topic, '1', { qos: 1 }))
    await client.end()
    return answer
  },
  async websocket(secret, topic) {
    const socket = await connectWebSocket(server.port, { auth: basic(secret) }).catch(
      ({ message }: Error) => /\d{3}/.exec(message)?.[0],
    )
    if (typeof socket !== 'object') return Number(socket)
    const answer = await socket.ask({ publish: topic, payload: 1 })
    await socket.close()
    return 'ack' in answer ? 'ok' : answer['code']
  },
  async amqp(secret, topic) {
    const connection = await connectAmqp(server.port, { username: user, password: secret }).catch(() => undefined)
    if (!connection) return 'SASL failure'
    const answer = await openAmqpSender(connection, topic).then(
      async (sender) => sendAmqp(sender, '1'),
      (error: { condition?: string }) => error.condition,
    )
    await closeAmqp(connection)
    return answer === 'accepted' ? 'ok' : answer
  },
  async grpc(secret, topic) {
    const client = connectGrpc(server.port, { auth: basic(secret) })
    const answer = await codeOf(client.publish(topic, '1'))
    client.close()
    return answer
  },
  async coap(secret, topic) {
    const uri = `coap://127.0.0.1:${server.port}/${topic}?user=${user}&pass=${secret}`
    const said = await runCoapClient('notls', ['-m', 'post', '-e', '1', uri])
    return /[45]\.\d\d/.exec(said)?.[0] ?? 'ok'
  },
}

/** [foreign topic, wrong secret, removed, expired] of contract tables: what each protocol calls it. */
const words: Record<string, readonly unknown[]> = {
  http: [403, 401, 401, 403],
  'http by bearer': [403, 401, 401, 403],
  mqtt: [0x87, 0x86, 0x86, 0x87],
  websocket: ['TOPIC_FORBIDDEN', 401, 401, 403],
  amqp: ['amqp:unauthorized-access', 'SASL failure', 'SASL failure', 'SASL failure'],
  grpc: [7, 16, 16, 7],
  coap: ['4.03', '4.01', '4.01', '4.03'],
}

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  const filters = { publish: ['plant/#'], subscribe: ['plant/#'] }
  const create = async (more: object = {}) =>
    (await api.post('/api/v1/api-keys', { name: 'app', ...filters, ...more })).body
  keys.good = (await create()).key
  const removed = await create()
  keys.removed = removed.key
  await api.delete(`/api/v1/api-keys/${removed.apiKey.id}`)
  const soon = new Date(Date.now() + 500).toISOString()
  keys.expired = (await create({ expiresAt: soon })).key
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(soon)))
})
afterAll(() => server.close())

describe.each(Object.keys(protocols))('an application by %s', (name) => {
  const skip = name === 'coap' && !isInstalled('coap-client-notls')
  const publish = protocols[name] ?? (() => Promise.reject(new Error(name)))

  test.skipIf(skip)('logs in as user key and has the filters of its API key', async () => {
    expect(await publish(keys.good, allowed)).toBe('ok')
    const answers = [
      await publish(keys.good, foreign),
      await publish('wrong', allowed),
      await publish(keys.removed, allowed),
      await publish(keys.expired, allowed),
    ]
    expect(answers).toEqual(words[name])
  })
})

test('what an application is refused is recorded, under each protocol', async () => {
  const { items } = (await api.get('/api/v1/refusals?code=TOPIC_FORBIDDEN&limit=200')).body
  const seen = new Set(items.map(({ protocol }: { protocol: string }) => protocol))
  for (const protocol of ['http', 'mqtt', 'websocket', 'amqp', 'grpc']) expect([...seen]).toContain(protocol)
})
