import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { maxQuestionsPerSecond } from '../../src/broker-auth/question-rate.ts'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)

let server: InProcess
let api: Api
let key: string
let device: TestDevice

const keyOf = async (role: string) => (await api.post('/api/v1/api-keys', { name: role, role })).body.key

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  await api.post('/api/v1/roles', { id: 'broker', permissions: ['brokers.ask'] })
  key = await keyOf('broker')
  device = await createDevice(api, 'pump-1')
  await createDevice(api, 'pump-2')
})
afterAll(() => server.close())

const ask = async (path: string, body: unknown, authorization = `Bearer ${key}`) => {
  const isForm = body instanceof URLSearchParams
  const response = await fetch(`${server.url}/v1/broker-auth/${path}`, {
    method: 'POST',
    headers: { authorization, ...(isForm ? {} : { 'content-type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}
const form = (of: Record<string, string>) => new URLSearchParams(of)
const refusals = async (query: string) => (await api.get(`/api/v1/refusals?${query}`)).body.items

/** As the body templates of docs/access.md fill them in. */
const emqx = async (body: object) => JSON.parse((await ask('emqx', body)).text).result
const emqxLogin = (more: object = {}) =>
  emqx({ username: device.id, password: device.secret, clientid: 'c1', peerhost: '192.0.2.7', ...more })
const emqxTopic = (action: string, topic: string, username = device.id) =>
  emqx({ username, clientid: 'c1', peerhost: '192.0.2.7', action, topic })
const rabbit = async (what: string, body: Record<string, string>) => (await ask(`rabbitmq${what}`, form(body))).text
const mosquitto = (body: Record<string, unknown>) => ask('mosquitto', body)

test('only a key with the right made for it may ask, in a header or as the password of Basic', async () => {
  const body = { username: device.id, password: device.secret }
  const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`
  const asked = async (authorization: string) => (await ask('emqx', body, authorization)).status
  expect(await asked(`Bearer ${key}`)).toBe(200)
  expect(await asked(basic('whoever', key))).toBe(200)
  expect(await asked('')).toBe(401)
  expect(await asked('Bearer wrong')).toBe(401)
  expect(await asked(basic('patchbay', 'wrong'))).toBe(401)
  expect(await asked(basic(device.id, device.secret))).toBe(401)
  for (const role of ['viewer', 'operator']) expect(await asked(`Bearer ${await keyOf(role)}`)).toBe(403)
  await expect.poll(() => refusals('code=AUTH_FORBIDDEN')).toMatchObject([{ protocol: 'emqx', step: 'api-key' }])
  expect((await refusals('code=AUTH_ENDED'))[0]).toMatchObject({ protocol: 'emqx', address: '127.0.0.1' })
  // Elsewhere a key is no password, and a key in an address is not looked at.
  expect((await fetch(`${server.url}/api/v1/session`, { headers: { authorization: basic('x', key) } })).status).toBe(
    401,
  )
  expect((await fetch(`${server.url}/v1/broker-auth/rabbitmq?key=${key}`)).status).toBe(401)
  expect((await fetch(`${server.url}/v1/broker-auth`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
    404,
  )
})

test('EMQX: login and topics, with the client’s own address in the refusals', async () => {
  expect(await emqxLogin()).toBe('allow')
  expect(await emqxLogin({ password: 'wrong' })).toBe('deny')
  expect(await emqxLogin({ username: 'stranger' })).toBe('deny')
  expect(await emqxLogin({ clientid: 'pump-2' })).toBe('deny')
  expect(await emqxLogin({ clientid: 'pump-1/x' })).toBe('allow')
  expect(await emqx({})).toBe('deny')
  expect(await emqxTopic('publish', 'devices/pump-1/telemetry')).toBe('allow')
  expect(await emqxTopic('publish', 'devices/pump-2/telemetry')).toBe('deny')
  expect(await emqxTopic('subscribe', '$share/g/devices/pump-1/#')).toBe('allow')
  expect(await emqxTopic('all', 'devices/pump-1/x')).toBe('deny')
  expect(await emqxTopic('publish', 'devices/pump-1/x', 'stranger')).toBe('deny')
  const whole = JSON.parse((await ask('emqx/authn', { username: device.id, password: device.secret })).text)
  expect(whole).toEqual({ result: 'allow', is_superuser: false })
  const seen = { protocol: 'emqx', address: '192.0.2.7', clientId: 'c1' }
  await expect
    .poll(() => refusals('device=pump-1&action=publish'))
    .toMatchObject([{ ...seen, topic: 'devices/pump-2/telemetry', code: 'TOPIC_FORBIDDEN', step: 'default' }])
  await expect.poll(() => refusals('device=pump-1&code=CREDENTIALS_WRONG')).toMatchObject([seen])
  await expect.poll(() => refusals('code=CLIENT_ID_FOREIGN')).toMatchObject([{ clientId: 'pump-2', step: 'client-id' }])
})

test('Mosquitto: user, superuser and each kind of access, as JSON and as a form', async () => {
  const of = { username: device.id, clientid: 'c1' }
  expect(await mosquitto({ ...of, password: device.secret })).toEqual({ status: 200, text: '{"ok":true,"error":""}' })
  expect(await mosquitto({ ...of, password: 'wrong' })).toMatchObject({ status: 403 })
  expect(await mosquitto({ username: device.id })).toMatchObject({ status: 403 })
  const statusOf = async (acc: number, topic: string) => (await mosquitto({ ...of, topic, acc })).status
  for (const acc of [1, 2, 3, 4, 8]) expect(await statusOf(acc, 'devices/pump-1/x')).toBe(200)
  for (const acc of [1, 2, 3, 4]) expect(await statusOf(acc, 'devices/pump-2/x')).toBe(403)
  expect(await statusOf(2, 'sensors/pump-1/t')).toBe(200)
  expect(await statusOf(3, 'sensors/pump-1/t')).toBe(403)
  for (const acc of [0, 5, 7, 16, -1]) expect(await statusOf(acc, 'devices/pump-1/x')).toBe(403)
  const asForm = form({ ...of, topic: 'devices/pump-1/x', acc: '2' })
  expect((await ask('mosquitto/acl', asForm)).status).toBe(200)
})

test('RabbitMQ: one address or four, by POST or GET', async () => {
  const of = { username: device.id }
  const login = { ...of, password: device.secret, vhost: '/', client_id: 'c1' }
  const queue = (name: string) =>
    rabbit('/resource', { ...of, vhost: '/', resource: 'queue', name, permission: 'configure' })
  const exchange = (name: string, permission: string) =>
    rabbit('', { ...of, vhost: '/', resource: 'exchange', name, permission })
  for (const what of ['', '/user']) expect(await rabbit(what, login)).toBe('allow')
  expect(await rabbit('', { ...login, password: 'wrong' })).toBe('deny')
  for (const what of ['', '/vhost']) expect(await rabbit(what, { ...of, vhost: '/', ip: '192.0.2.7' })).toBe('allow')
  expect(await rabbit('/vhost', { ...of, vhost: 'other' })).toBe('deny')
  expect(await rabbit('/vhost?vhosts=iot,other', { ...of, vhost: 'other' })).toBe('allow')
  // What is asked cannot widen what the address says.
  expect(await rabbit('/vhost?vhosts=iot', { ...of, vhost: 'other', vhosts: 'other' })).toBe('deny')
  expect([await exchange('amq.topic', 'write'), await exchange('amq.topic', 'read')]).toEqual(['allow', 'allow'])
  expect([await exchange('amq.topic', 'configure'), await exchange('', 'write')]).toEqual(['deny', 'deny'])
  expect(await queue('mqtt-subscription-c1qos1')).toBe('allow')
  expect(await queue('mqtt-subscription-pump-2qos1')).toBe('deny')
  expect(await queue('mqtt-will-pump-2/x')).toBe('deny')
  expect(await queue('pump-1/inbox')).toBe('allow')
  expect(await queue('pump-2/inbox')).toBe('deny')
  expect(await queue('orders')).toBe('deny')
  expect(await rabbit('/nothing', login)).toBe('deny')
  const query = form(login)
  const got = await fetch(`${server.url}/v1/broker-auth/rabbitmq/user?${query}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect([got.status, await got.text()]).toEqual([200, 'allow'])
})

test('a ban on a topic with a dot holds at RabbitMQ, which takes the dot for a slash', async () => {
  const topic = (routingKey: string, permission = 'write') =>
    rabbit('/topic', {
      username: device.id,
      vhost: '/',
      resource: 'topic',
      name: 'amq.topic',
      permission,
      routing_key: routingKey,
    })
  expect(await topic('devices.pump-1.v1.2')).toBe('allow')
  const filter = 'devices/{id}/v1.2/#'
  const rule = (await api.post('/api/v1/access/rules', { effect: 'deny', actions: ['publish'], filter })).body
  expect(await topic('devices.pump-1.v1.2')).toBe('deny')
  expect(await topic('devices.pump-1.v1.2.x')).toBe('deny')
  expect(await topic('devices.pump-1.v1.3')).toBe('allow')
  expect(await topic('devices.pump-1.v1.2', 'read')).toBe('allow')
  await expect
    .poll(() => refusals(`device=${device.id}&action=publish&limit=1`))
    .toMatchObject([{ step: 'rule', rule: rule.id }])
  await api.delete(`/api/v1/access/rules/${rule.id}`)
})

test('an application is key/{id}, and has the filters of its key until that ends', async () => {
  const { apiKey, key: secret } = (await api.post('/api/v1/api-keys', { name: 'app', publish: ['plant/#'] })).body
  const username = `key/${apiKey.id}`
  expect(await emqxLogin({ username, password: secret })).toBe('allow')
  expect(await emqxLogin({ username, password: key })).toBe('deny')
  expect(await emqxLogin({ username: 'key', password: secret })).toBe('deny')
  expect(await emqxTopic('publish', 'plant/1', username)).toBe('allow')
  expect(await emqxTopic('publish', 'devices/pump-1/x', username)).toBe('deny')
  expect(await emqxTopic('subscribe', 'plant/1', username)).toBe('deny')
  await api.delete(`/api/v1/api-keys/${apiKey.id}`)
  expect(await emqxTopic('publish', 'plant/1', username)).toBe('deny')
})

test('a device that was deleted, or whose last secret was, is denied with the next question', async () => {
  const gone = await createDevice(api, 'gone-1')
  expect(await emqxTopic('publish', 'devices/gone-1/x', gone.id)).toBe('allow')
  const path = `/api/v1/devices/${gone.id}/credentials`
  const [{ id }] = (await api.get(path)).body.items
  await api.delete(`${path}/${id}`)
  expect(await emqxTopic('publish', 'devices/gone-1/x', gone.id)).toBe('deny')
  await api.delete(`/api/v1/devices/${gone.id}`)
  expect(await emqxTopic('publish', 'devices/gone-1/x', gone.id)).toBe('deny')
})

test('nonsense is refused and harms nobody', async () => {
  const raw = (body: string, type = 'application/json', path = 'emqx') =>
    fetch(`${server.url}/v1/broker-auth/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': type },
      body,
    })
  expect((await raw('{')).status).toBe(400)
  expect((await raw('{"__proto__":{"username":"pump-1"}}')).status).toBe(400)
  expect((await raw('x'.repeat(20_000), 'application/x-www-form-urlencoded')).status).toBe(413)
  expect((await raw('a', 'text/xml')).status).toBe(415)
  for (const body of [
    '[]',
    '"x"',
    '1',
    'null',
    '{"username":["pump-1"],"action":{"a":1}}',
    '{"username":"\\ud800\\u0000"}',
  ]) {
    const answer = await raw(body)
    expect([body, answer.status, JSON.parse(await answer.text()).result]).toEqual([body, 200, 'deny'])
    expect(await (await raw(body, 'application/json', 'rabbitmq')).text()).toBe('deny')
    expect((await raw(body, 'application/json', 'mosquitto')).status).toBe(403)
  }
  expect(await rabbit('', { username: '__proto__', password: 'constructor' })).toBe('deny')
  expect(await emqxTopic('publish', '$SYS/x')).toBe('deny')
  expect(await emqxLogin()).toBe('allow')
})

test(
  'every broker is answered as the authoriser decides, whatever the rules and topics',
  { timeout: 60_000 },
  async () => {
    const { authoriser, authenticator } = server.platform.domain
    const level = fc.constantFrom(
      'devices',
      'sensors',
      'pump-1',
      'pump-2',
      'plant',
      'commands',
      'a',
      '+',
      '#',
      '',
      '$SYS',
    )
    const topics = fc.oneof(
      fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/')),
      fc.constantFrom(
        'devices/pump-1/a',
        'devices/pump-2/#',
        'sensors/pump-1/a',
        'plant/1',
        'plant/#',
        'devices/pump-1/a/+',
      ),
    )
    const rules = fc.array(
      fc.record({
        effect: fc.constantFrom('allow', 'deny'),
        actions: fc.constantFrom(['publish'], ['subscribe'], ['publish', 'subscribe']),
        filter: fc.constantFrom(
          'plant/#',
          'plant/+',
          'devices/{id}/a',
          '+/pump-2/#',
          'a',
          '#',
          'devices/#',
          'sensors/+/a',
        ),
        scope: fc.constantFrom({}, { devices: ['pump-1'] }, { devices: ['pump-2'] }),
      }),
      { maxLength: 4 },
    )
    const names = fc.constantFrom('pump-1', 'pump-2')
    const questions = fc.array(fc.tuple(names, fc.constantFrom('publish', 'subscribe'), topics), {
      minLength: 8,
      maxLength: 8,
    })
    let allowed = 0
    let denied = 0
    await fc.assert(
      fc.asyncProperty(rules, questions, async (drafts, asked) => {
        const made = await Promise.all(drafts.map((draft) => api.post('/api/v1/access/rules', draft)))
        for (const [username, action, topic] of asked) {
          const subject = await authenticator.subjectOf(username)
          if (!subject) throw new Error('no subject')
          const truth = (await authoriser.decideWithProviders(subject, action, topic)).allowed
          if (truth) allowed++
          else denied++
          const routingKey = topic.replaceAll('/', '.').replaceAll('+', '*')
          const permission = action === 'publish' ? 'write' : 'read'
          const answers = await Promise.all([
            emqxTopic(action, topic, username).then((result) => result === 'allow'),
            mosquitto({ username, topic, acc: action === 'publish' ? 2 : 4 }).then(({ status }) => status === 200),
            rabbit('/topic', {
              username,
              vhost: '/',
              resource: 'topic',
              name: 'amq.topic',
              permission,
              routing_key: routingKey,
            }).then((text) => text === 'allow'),
          ])
          expect([username, action, topic, ...answers]).toEqual([username, action, topic, truth, truth, truth])
        }
        await Promise.all(made.map(({ body }) => api.delete(`/api/v1/access/rules/${body.id}`)))
      }),
      { seed, numRuns: 60 },
    )
    process.stdout.write(`broker-auth property: seed ${seed}, ${allowed} allowed, ${denied} denied\n`)
    // The property would say nothing if all were denied.
    expect(Math.min(allowed, denied)).toBeGreaterThan(40)
  },
)

test('a broker that asks too much in a second is denied, and others are not', async () => {
  const { createQuestionRate } = await import('../../src/broker-auth/question-rate.ts')
  let nowMs = 0
  const rate = createQuestionRate({ nowMicros: () => 0, monotonicMs: () => nowMs, after: () => () => undefined })
  for (let i = 0; i < maxQuestionsPerSecond; i++) expect(rate.take('a')).toBe(true)
  expect([rate.take('a'), rate.take('b')]).toEqual([false, true])
  nowMs = 1000
  expect(rate.take('a')).toBe(true)
})

test('one client’s guesses at a broker that tells no addresses do not keep others out', async () => {
  for (let i = 0; i < 40; i++) await rabbit('/user', { username: `guess-${i % 3}`, password: 'x' })
  const fresh = await createDevice(api, 'fresh-1')
  expect(await rabbit('/user', { username: fresh.id, password: fresh.secret })).toBe('allow')
  for (let i = 0; i < 12; i++) await rabbit('/user', { username: 'pump-2', password: `x${i}` })
  await expect.poll(() => refusals('device=pump-2&code=LOGIN_RATE')).toHaveLength(1)
})
