import { X509Certificate } from 'node:crypto'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSigningRequest } from '../harness/signing-request.ts'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { type Api, createApi } from '../harness/api.ts'
import { isInstalled, runCoapClient } from '../harness/coap-client.ts'
import { connectGrpc } from '../harness/grpc-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

const request = 'provision/request'
const response = 'provision/response'
const run = promisify(execFile)

let server: InProcess
let api: Api
let key: string
let keyId: string

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  ;({ key, id: keyId } = await makeKey())
})
afterAll(() => server.close())

async function makeKey(input: object = {}): Promise<{ key: string; id: string }> {
  const made = await api.post('/api/v1/provisioning-keys', { name: 'Factory', ...input })
  expect(made.status).toBe(201)
  return { key: made.body.key, id: made.body.provisioningKey.id }
}
const login = (secret = key) => ({ id: 'provision', secret })
const refusalsOf = async (protocol: string): Promise<any[]> =>
  (await api.get('/api/v1/refusals?limit=200')).body.items.filter((each: any) => each.protocol === protocol)

/** Each asks for a device and answers what came to `provision/response`. */
const askers: Record<string, (payload: string) => Promise<string>> = {
  async http(payload) {
    const answer = await createDeviceHttp(server.url, login())('provision', payload)
    expect(answer.status).toBe(200)
    return JSON.stringify(answer.body)
  },
  async 'http with the key as bearer'(payload) {
    const headers = { authorization: `Bearer ${key}` }
    return (await fetch(`${server.url}/v1/provision`, { method: 'POST', body: payload, headers })).text()
  },
  async mqtt(payload) {
    const client = await connectMqtt(server.port, login(), { protocolVersion: 5 })
    await client.mqtt.subscribeAsync(response, { qos: 1 })
    await client.mqtt.publishAsync(request, payload, { qos: 1 })
    const { text } = await client.next()
    await client.end()
    return text
  },
  async 'mqtt 3.1.1, kept, all in one'(payload) {
    const client = await connectMqtt(server.port, login(), { protocolVersion: 4, clean: false, clientId: 'same' })
    client.mqtt.subscribe(response, { qos: 0 })
    client.mqtt.publish(request, payload, { qos: 0 })
    const { text } = await client.next()
    await client.end()
    return text
  },
  async 'mqtt over websocket'(payload) {
    const over = { protocol: 'ws', path: '/mqtt' } as const
    const client = await connectMqtt(server.port, login(), { ...over, protocolVersion: 5 })
    await client.mqtt.subscribeAsync(response, { qos: 1 })
    await client.mqtt.publishAsync(request, payload, { qos: 1 })
    const { text } = await client.next()
    await client.end()
    return text
  },
  async websocket(payload) {
    const client = await connectWebSocket(server.port, { auth: `provision:${key}` })
    client.send({ id: 's', subscribe: response })
    client.send({ id: 'p', publish: request, payload: JSON.parse(payload) })
    const heard = await client.next((frame) => frame['message'] === response)
    await client.next((frame) => frame['ack'] === 'p')
    await client.close()
    return JSON.stringify(heard['payload'])
  },
  async amqp(payload) {
    const connection = await connectAmqp(server.port, { username: 'provision', password: key })
    const receiver = connection.open_receiver(response)
    await new Promise((resolve) => receiver.once('receiver_open', resolve))
    const heard = new Promise<string>((resolve) =>
      receiver.once('message', ({ message }) => {
        const body: unknown = message?.body
        const bytes = typeof body === 'object' && body !== null && 'content' in body ? body.content : body
        resolve(String(bytes))
      }),
    )
    expect(await sendAmqp(await openAmqpSender(connection, request), payload)).toBe('accepted')
    const text = await heard
    await closeAmqp(connection)
    return text
  },
  async grpc(payload) {
    const client = connectGrpc(server.port, { auth: `provision:${key}` })
    const text = await client.provision(payload)
    client.close()
    return text
  },
}

describe.each(Object.keys(askers))('%s', (name) => {
  const id = `by-${name.replaceAll(/[^a-z0-9]+/g, '-')}`
  const claim = `claim-of-${id}-0123456789`
  const ask = async (payload: object) => JSON.parse((await askers[name]?.(JSON.stringify(payload))) ?? '')

  test('gives a device credentials that open it, and the same device when it asks again', async () => {
    const first = await ask({ deviceId: id, claim, id: 'r1' })
    expect(first).toMatchObject({ id: 'r1', again: false, device: { id, name: id, type: 'default' } })
    expect(first.credentials.username).toBe(id)
    const again = await ask({ deviceId: id, claim })
    expect(again).toMatchObject({ again: true, device: { id } })
    for (const { username, password } of [first.credentials, again.credentials]) {
      const http = createDeviceHttp(server.url, { id: username, secret: password })
      expect((await http(`devices/${id}/telemetry`, { n: 1 })).status).toBe(204)
    }
    expect((await api.get(`/api/v1/devices/${id}`)).body).toMatchObject({ provisionedBy: keyId, status: 'online' })
  })
})

describe.skipIf(!isInstalled('coap-client-notls'))('coap (coap-client-notls)', () => {
  const ask = (payload: string, pass = key) =>
    runCoapClient('notls', [
      ...'-m post -t application/json -B 5 -e'.split(' '),
      payload,
      `coap://127.0.0.1:${server.port}/provision?user=provision&pass=${pass}`,
    ])

  test('gives a device credentials, or a pre-shared key, and refuses in CoAP’s words', async () => {
    const secret = JSON.parse(await ask('{"deviceId":"by-coap"}'))
    expect(secret).toMatchObject({ device: { id: 'by-coap' }, credentials: { username: 'by-coap' } })
    const psk = JSON.parse(await ask('{"deviceId":"by-coap-psk","credentials":"psk"}'))
    expect(psk.preSharedKey).toMatchObject({ identity: 'by-coap-psk' })
    expect(await ask('{"deviceId":"by-coap"}')).toMatch(/4\.03 PROVISION_TAKEN/)
    expect(await ask('{}')).toMatch(/4\.00 PROVISION_UNNAMED/)
    expect(await ask('{"deviceId":"x"}', 'wrong')).toMatch(/4\.01 CREDENTIALS_WRONG/)
  })
})

describe.skipIf(!isInstalled('coap-client-notls'))('with the certificate authority (coap-client-notls)', () => {
  test('a certificate is answered whole, in blocks, and what cannot be signed is refused', async () => {
    const address = `coap://127.0.0.1:${server.port}/provision?user=provision&pass=${key}`
    const ask = (deviceId: string, csr: string) => {
      const payload = JSON.stringify({ deviceId, claim: `claim-of-${deviceId}-0123`, csr })
      return runCoapClient('notls', [...'-m post -t application/json -B 5 -e'.split(' '), payload, address])
    }
    const { certificate } = JSON.parse(await ask('cert-1', (await makeSigningRequest()).csr))
    expect(new X509Certificate(certificate.certificate).subject).toBe('CN=cert-1')
    expect(new X509Certificate(certificate.authority).ca).toBe(true)
    const nonsense = `-----BEGIN CERTIFICATE REQUEST-----\n${'A'.repeat(1_500)}\n-----END CERTIFICATE REQUEST-----`
    expect(await ask('cert-2', nonsense)).toMatch(/4\.\d\d PROVISION_CERTIFICATE/)
  })
})

describe('a provisioning session can do nothing else', () => {
  const foreign = ['devices/provision/telemetry', `devices/by-http/telemetry`, 'a/b', response]
  const filters = ['#', 'devices/+/commands/+', 'provision/#', request, '$share/g/#']

  test('mqtt', async () => {
    const client = await connectMqtt(server.port, login(), { protocolVersion: 5 })
    for (const topic of foreign) {
      await expect(client.mqtt.publishAsync(topic, '{}', { qos: 1 }), topic).rejects.toMatchObject({ code: 0x87 })
    }
    for (const filter of filters) {
      await expect(client.mqtt.subscribeAsync(filter, { qos: 1 }), filter).rejects.toMatchObject({
        packet: { granted: [0x87] },
      })
    }
    await expect(client.mqtt.publishAsync(request, '{}', { qos: 1 })).rejects.toMatchObject({ code: 0x99 })
    await client.mqtt.subscribeAsync(response, { qos: 1 })
    await expect(client.mqtt.publishAsync(request, '{"deviceId":"by-http"}', { qos: 1 })).rejects.toMatchObject({
      code: 0x87,
    })
    expect(JSON.parse((await client.next()).text).error.code).toBe('PROVISION_TAKEN')
    await expect(
      client.mqtt.publishAsync(request, '{"deviceId":"kept"}', { qos: 1, retain: true }),
    ).rejects.toMatchObject({ code: 0x99 })
    await client.end()
    const codes = (await refusalsOf('mqtt')).map((each) => each.code)
    expect(new Set(codes)).toEqual(
      new Set(['TOPIC_FORBIDDEN', 'PROVISION_UNHEARD', 'PROVISION_TAKEN', 'PAYLOAD_INVALID']),
    )
    const [taken] = (await refusalsOf('mqtt')).filter((each) => each.code === 'PROVISION_TAKEN')
    expect(taken).toMatchObject({ topic: request, step: 'provisioning', rule: keyId })
    expect(taken.detail).toContain('"by-http"')
  })

  test('http', async () => {
    const http = createDeviceHttp(server.url, login())
    for (const topic of foreign) expect((await http(topic, '{}')).status, topic).toBe(403)
    expect((await http(request, '{"deviceId":"unheard"}')).body).toMatchObject({ code: 'PROVISION_UNHEARD' })
    expect((await http('devices/by-http/commands')).status).toBe(403)
    expect((await http('provision', '[]')).status).toBe(422)
    expect((await http('provision', '{')).status).toBe(400)
    expect((await fetch(`${server.url}/api/v1/devices`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      401,
    )
  })

  test('websocket', async () => {
    const client = await connectWebSocket(server.port, { auth: `provision:${key}` })
    for (const publish of foreign) {
      expect(await client.ask({ publish, payload: {} })).toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    }
    for (const subscribe of filters) {
      expect(await client.ask({ subscribe }), subscribe).toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    }
    expect(await client.ask({ publish: request, payload: {} })).toMatchObject({ code: 'PROVISION_UNHEARD' })
    await client.close()
  })

  test('amqp', async () => {
    const connection = await connectAmqp(server.port, { username: 'provision', password: key })
    for (const topic of foreign) {
      expect(await sendAmqp(await openAmqpSender(connection, topic), '{}'), topic).toBe('amqp:unauthorized-access')
    }
    for (const filter of filters) {
      const receiver = connection.open_receiver(filter)
      const error = await new Promise((resolve) =>
        receiver.once('receiver_error', () => resolve((receiver.error as { condition: string }).condition)),
      )
      expect(error, filter).toBe('amqp:unauthorized-access')
    }
    await closeAmqp(connection)
  })

  test('grpc', async () => {
    const client = connectGrpc(server.port, { auth: `provision:${key}` })
    for (const topic of foreign) await expect(client.publish(topic, '{}')).rejects.toMatchObject({ code: 7 })
    await expect(client.publish(request, '{}')).rejects.toMatchObject({ code: 3 })
    await expect(client.provision('{"deviceId":"by-http"}')).rejects.toMatchObject({ code: 7 })
    const stream = client.subscribe('#')
    await expect(new Promise((_, reject) => stream.once('error', reject))).rejects.toMatchObject({ code: 7 })
    client.close()
  })

  test.skipIf(!isInstalled('coap-client-notls'))('coap', async () => {
    for (const topic of foreign) {
      const address = `coap://127.0.0.1:${server.port}/${topic}?user=provision&pass=${key}`
      expect(await runCoapClient('notls', ['-m', 'post', '-e', '{}', '-B', '5', address])).toMatch(
        /4\.03 TOPIC_FORBIDDEN/,
      )
    }
  })

  test('nobody else hears or uses these topics, not even who may everything', async () => {
    const all = (await api.post('/api/v1/api-keys', { name: 'all', subscribe: ['#'], publish: ['#'] })).body.key
    const spy = await connectMqtt(server.port, { id: 'key', secret: all })
    const second = await connectMqtt(server.port, login())
    await spy.mqtt.subscribeAsync('#', { qos: 1 })
    await second.mqtt.subscribeAsync(response, { qos: 1 })
    for (const topic of [request, response]) {
      await expect(spy.mqtt.publishAsync(topic, '{}', { qos: 1 })).rejects.toMatchObject({ code: 0x87 })
      expect((await api.post('/api/v1/messages', { topic, payload: '{}' })).status).toBe(403)
    }
    await expect(spy.mqtt.subscribeAsync('provision/#', { qos: 1 })).rejects.toMatchObject({
      packet: { granted: [0x87] },
    })
    const { http } = askers
    JSON.parse((await http?.('{"deviceId":"spied-1"}')) ?? '')
    await askers['mqtt']?.('{"deviceId":"spied-2"}')
    await spy.mqtt.publishAsync('the/end', 'x', { qos: 1 })
    await spy.next()
    expect(spy.got.map(({ topic }) => topic)).toEqual(['the/end'])
    expect(second.got).toEqual([])
    await Promise.all([spy.end(), second.end()])
  })
})

describe('keys', () => {
  test('are shown once, listed without secrets, and every change is in the audit trail', async () => {
    const made = await api.post('/api/v1/provisioning-keys', {
      name: 'Line 4',
      type: 'default',
      tags: ['l4'],
      quota: 3,
    })
    const { id } = made.body.provisioningKey
    expect(made.body.key).toMatch(/^pbp_[\w-]{43}$/)
    expect(JSON.stringify((await api.get('/api/v1/provisioning-keys?limit=200')).body)).not.toContain(made.body.key)
    const read = await api.get(`/api/v1/provisioning-keys/${id}`)
    expect(read.body).toMatchObject({
      name: 'Line 4',
      strategy: 'create',
      tags: ['l4'],
      quota: 3,
      used: 0,
      enabled: true,
    })
    for (const hidden of ['hash', 'salt', 'pending']) expect(read.body).not.toHaveProperty(hidden)
    const patched = await api.patch(`/api/v1/provisioning-keys/${id}`, { quota: 5, name: 'Line 5' })
    expect(patched.body).toMatchObject({ name: 'Line 5', quota: 5 })
    const stale = { 'if-match': read.headers.get('etag') ?? '' }
    expect((await api.patch(`/api/v1/provisioning-keys/${id}`, { quota: 6 }, stale)).status).toBe(412)
    const http = createDeviceHttp(server.url, login(made.body.key))
    expect((await http('provision', '{"deviceId":"line-1"}')).status).toBe(200)
    const devices = await api.get(`/api/v1/devices?provisionedBy=${id}`)
    expect(devices.body.items.map((each: { id: string }) => each.id)).toEqual(['line-1'])
    expect((await api.delete(`/api/v1/provisioning-keys/${id}`)).status).toBe(204)
    expect((await api.get(`/api/v1/provisioning-keys/${id}`)).status).toBe(404)
    const { items } = (await api.get('/api/v1/audit?limit=200')).body
    const actions = items
      .filter((each: any) => each.target === id || each.target === 'line-1')
      .map((each: any) => each.action)
    expect(actions.reverse()).toEqual([
      'POST /api/v1/provisioning-keys',
      `PATCH /api/v1/provisioning-keys/${id}`,
      `PATCH /api/v1/provisioning-keys/${id}`,
      'provision',
      `DELETE /api/v1/provisioning-keys/${id}`,
    ])
    expect(JSON.stringify(items)).not.toContain(made.body.key)
  })

  test('end the sessions that came with them, and are refused from then on with the reason', async () => {
    const mine = await makeKey()
    const client = await connectMqtt(server.port, login(mine.key))
    await api.patch(`/api/v1/provisioning-keys/${mine.id}`, { enabled: false })
    await expect.poll(client.closed).toBe(true)
    expect(client.goodbye()).toBe(0x87)
    await expect(connectMqtt(server.port, login(mine.key))).rejects.toMatchObject({ code: 0x87 })
    const answer = await createDeviceHttp(server.url, login(mine.key))('provision', '{"deviceId":"late"}')
    expect(answer).toMatchObject({ status: 403, body: { code: 'CREDENTIALS_ENDED' } })
    expect(answer.body.detail).toContain('switched off')
  })

  test('200 devices at once by HTTP and MQTT get 50 places exactly', async () => {
    const mine = await makeKey({ quota: 50 })
    const http = createDeviceHttp(server.url, login(mine.key))
    const client = await connectMqtt(server.port, login(mine.key))
    await client.mqtt.subscribeAsync(response, { qos: 1 })
    const asked = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const body = JSON.stringify({ deviceId: `storm-${at}`, id: `r${at}` })
        if (at % 2 === 0) return (await http('provision', body)).status
        return client.mqtt.publishAsync(request, body, { qos: 1 }).then(
          () => 200,
          ({ code }: { code: number }) => (code === 0x97 ? 429 : code),
        )
      }),
    )
    const count = (status: number) => asked.filter((each) => each === status).length
    expect([count(200), count(429)]).toEqual([50, 150])
    await expect.poll(() => client.got.length).toBe(100)
    await client.end()
    const { items } = (await api.get(`/api/v1/devices?provisionedBy=${mine.id}&limit=200`)).body
    expect(items).toHaveLength(50)
    expect((await api.get(`/api/v1/provisioning-keys/${mine.id}`)).body.used).toBe(50)
  })

  test('who guesses keys has to wait', async () => {
    const other = await startInProcess()
    const codes: number[] = []
    for (let at = 0; at < 32; at++) {
      codes.push((await createDeviceHttp(other.url, login(`pbp_guess${at}`))('provision', '{}')).status)
    }
    expect(codes).toEqual([...Array.from({ length: 30 }, () => 401), 429, 429])
    await other.close()
  })
})

describe.skipIf(!isInstalled('mosquitto_sub') || !isInstalled('curl'))(
  'with mosquitto_rr, mosquitto_pub and curl',
  () => {
    test('a device comes to its credentials and uses them, plain and with TLS', async () => {
      const ca = join(server.data, 'tls', 'ca.crt')
      const curl = await run('curl', [
        '-sS',
        '--cacert',
        ca,
        '-u',
        `provision:${key}`,
        '--data',
        '{"deviceId":"curl-1"}',
        `https://localhost:${server.port}/v1/provision`,
      ])
      const { credentials } = JSON.parse(curl.stdout)
      const heard = await run('mosquitto_rr', [
        ...`-h localhost -p ${server.port} --cafile ${ca} -u provision -P ${key} -q 1`.split(' '),
        ...`-t ${request} -e ${response} -W 10 -m {"deviceId":"rr-1"}`.split(' '),
      ])
      const answered = JSON.parse(heard.stdout).credentials
      for (const { username, password } of [credentials, answered]) {
        await run('mosquitto_pub', [
          ...`-h localhost -p ${server.port} -u ${username} -P ${password} -q 1`.split(' '),
          ...`-t devices/${username}/telemetry -m {"temperature":21.5}`.split(' '),
        ])
        expect((await api.get(`/api/v1/devices/${username}/latest`)).body.temperature.value).toBe(21.5)
      }
    })
  },
)
