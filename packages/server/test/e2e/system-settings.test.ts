import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAuthority, makeServerCertificate } from '../../src/tls/certificate-maker.ts'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const settingsPath = '/api/v1/system/settings'
const tlsPath = '/api/v1/system/tls'
const dayMs = 86_400_000
let data: string
let server: InProcess
let api: Api
let device: MqttClient
/** The address that moves away from 127.0.0.1 and is loopback still: all of 127.0.0.0/8 is. */
const other = '127.0.0.7'
const at = (host: string): Api => createApi(`http://${host}:${server.port}`)
const settingOf = (body: any, name: string) => body.items.find((each: any) => each.name === name)

/** A connection of its own: those that are open stay, and would be used again. */
const dial = async (host: string): Promise<void> => {
  const socket = connectPlain(server.port, host)
  await once(socket, 'connect').finally(() => socket.destroy())
}

/** What a new connection is shown, and whether it is believed by who trusts `ca` and asks for `servername`. */
const shown = (ca: string, servername: string, host = '127.0.0.1') =>
  new Promise<{ fingerprint: string; authorized: boolean }>((resolve, reject) => {
    const client = connect({ host, port: server.port, ca, servername, rejectUnauthorized: false }, () => {
      const { fingerprint256 } = client.getPeerCertificate()
      resolve({ fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(), authorized: client.authorized })
      client.destroy()
    })
    client.on('error', reject)
  })

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'patchbay-settings-'))
  server = await startInProcess({ data })
  api = createApi(server.url)
  const { secret } = await createDevice(api, 'held-1')
  device = await connectAsync(`mqtt://127.0.0.1:${server.port}`, {
    reconnectPeriod: 0,
    username: 'held-1',
    password: secret,
  })
})
afterAll(async () => {
  await device.endAsync(true)
  await server.close()
  await rm(data, { recursive: true, force: true })
})

describe('settings by REST', () => {
  test('all are shown with their origin, and no secret is', async () => {
    const { status, body } = await api.get(settingsPath)
    expect(status).toBe(200)
    expect(settingOf(body, 'PATCHBAY_HOST')).toMatchObject({ value: '127.0.0.1', from: 'default', change: 'now' })
    expect(settingOf(body, 'PATCHBAY_PORT')).toMatchObject({ value: '0', from: 'environment', change: 'environment' })
    const key = settingOf(body, 'PATCHBAY_API_KEY')
    expect(key).toMatchObject({ secret: true, from: 'environment' })
    expect(key.value).toBeUndefined()
    expect(body.items.length).toBeGreaterThan(30)
  })

  test('the address changes at once, connections stay, and it holds after a restart', async () => {
    const { status, body } = await api.patch(settingsPath, { PATCHBAY_HOST: other })
    expect([status, settingOf(body, 'PATCHBAY_HOST')]).toMatchObject([200, { value: other, from: 'console' }])
    await expect(dial('127.0.0.1')).rejects.toThrow('ECONNREFUSED')
    const { items } = (await at(other).get('/api/v1/system/listeners')).body
    expect(items.filter((each: any) => each.state === 'listening').map((each: any) => each.address)).toEqual([
      other,
      other,
    ])
    await device.publishAsync('devices/held-1/telemetry/level', '1', { qos: 1 })
    expect((await at(other).get('/api/v1/devices/held-1/latest')).body.level.value).toBe(1)
    expect((await at(other).get(tlsPath)).body.names).toContain(other)

    await device.endAsync(true)
    await server.close()
    server = await startInProcess({ data })
    api = createApi(server.url)
    expect((await at(other).get(settingsPath)).status).toBe(200)
    expect((await stat(join(data, 'settings.json'))).mode & 0o777).toBe(0o600)
  })

  test('an address that cannot be listened at changes nothing', async () => {
    const { status, body } = await at(other).patch(settingsPath, {
      PATCHBAY_PLAIN: 'any',
      PATCHBAY_HOST: '192.0.2.9',
    })
    expect([status, body.errors]).toMatchObject([422, [{ path: '/PATCHBAY_HOST' }]])
    expect(body.detail).toContain('not one of this machine')
    const now = (await at(other).get(settingsPath)).body
    expect(settingOf(now, 'PATCHBAY_HOST').value).toBe(other)
    expect(settingOf(now, 'PATCHBAY_PLAIN').value).toBe('loopback')
    expect(await readFile(join(data, 'settings.json'), 'utf8')).not.toContain('any')
  })

  test('null takes it back', async () => {
    expect((await at(other).patch(settingsPath, { PATCHBAY_HOST: null })).status).toBe(200)
    expect(settingOf((await api.get(settingsPath)).body, 'PATCHBAY_HOST')).toMatchObject({
      value: '127.0.0.1',
      from: 'default',
    })
  })

  test('a public address waits for the next start, and says so', async () => {
    const { body } = await api.patch(settingsPath, { PATCHBAY_PUBLIC_URL: 'https://iot.example.org' })
    expect(settingOf(body, 'PATCHBAY_PUBLIC_URL')).toMatchObject({ change: 'start', next: 'https://iot.example.org' })
    expect(settingOf(body, 'PATCHBAY_PUBLIC_URL').value).toBeUndefined()
    const back = await api.patch(settingsPath, { PATCHBAY_PUBLIC_URL: null })
    expect(settingOf(back.body, 'PATCHBAY_PUBLIC_URL')).not.toHaveProperty('next')
  })

  test.each([
    ['the environment beats the console', { PATCHBAY_PORT: '9000' }, 409, 'SETTING_FIXED'],
    ['a setting of the start stays there', { PATCHBAY_DURABILITY: 'relaxed' }, 422, 'REQUEST_INVALID'],
    ['what is no setting is refused', { PATCHBAY_NONSENSE: '1' }, 422, 'REQUEST_INVALID'],
    ['a wrong value is refused in words', { PATCHBAY_PLAIN: 'sometimes' }, 422, 'REQUEST_INVALID'],
    ['names that are none are refused', { PATCHBAY_TLS_NAMES: 'a b' }, 422, 'REQUEST_INVALID'],
    ['__proto__ is no name', JSON.parse('{"__proto__": "x"}'), 400, 'REQUEST_MALFORMED'],
  ])('%s', async (_what, changes, status, code) => {
    const answer = await api.patch(settingsPath, changes)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  test('who may only read cannot change them', async () => {
    const key = (await api.post('/api/v1/api-keys', { name: 'looker', role: 'viewer' })).body.key
    const looker = createApi(server.url, key)
    expect((await looker.get(settingsPath)).status).toBe(200)
    expect((await looker.patch(settingsPath, { PATCHBAY_PLAIN: 'any' })).status).toBe(403)
    expect((await looker.put(tlsPath, { certificatePem: 'a', privateKeyPem: 'b' })).status).toBe(403)
    expect((await looker.delete(tlsPath)).status).toBe(403)
    expect((await looker.post(`${tlsPath}/renew`)).status).toBe(403)
  })
})

describe('the certificate of the server by REST', () => {
  test('is good for more names as soon as they are set', async () => {
    const ca = await readFile(join(data, 'tls', 'ca.crt'), 'utf8')
    expect((await shown(ca, 'pi.home.arpa')).authorized).toBe(false)
    await api.patch(settingsPath, { PATCHBAY_TLS_NAMES: 'pi.home.arpa, 192.168.1.5, FD00::5' })
    expect((await shown(ca, 'pi.home.arpa')).authorized).toBe(true)
    expect((await api.get(tlsPath)).body).toMatchObject({
      source: 'own',
      names: expect.arrayContaining(['pi.home.arpa', '192.168.1.5', 'fd00::5']),
    })
  })

  test('is made anew by the same authority', async () => {
    const ca = await readFile(join(data, 'tls', 'ca.crt'), 'utf8')
    const before = await shown(ca, 'localhost')
    const { body } = await api.post(`${tlsPath}/renew`)
    const after = await shown(ca, 'localhost')
    expect([after.authorized, after.fingerprint]).toEqual([true, body.fingerprint])
    expect(after.fingerprint).not.toBe(before.fingerprint)
  })

  test('is taken in, shown at once and after a restart, its key sealed and out of the trail, and given back', async () => {
    const authority = await makeAuthority(Date.now(), 30)
    const pair = await makeServerCertificate(authority, ['iot.example.org'], Date.now(), 20)
    const body = { certificatePem: `${pair.cert}${authority.cert}`, privateKeyPem: pair.key }
    const put = await api.put(tlsPath, body)
    expect([put.status, put.body]).toMatchObject([
      200,
      { source: 'uploaded', names: ['iot.example.org'], chain: 2, subject: 'CN=Patchbay' },
    ])
    expect(await shown(authority.cert, 'iot.example.org')).toEqual({
      authorized: true,
      fingerprint: put.body.fingerprint,
    })
    const sealed = await readFile(join(data, 'tls', 'uploaded.key'), 'utf8')
    expect(sealed).not.toContain('PRIVATE')
    const trail = JSON.stringify((await api.get('/api/v1/audit')).body)
    expect(trail).toContain(put.body.fingerprint)
    expect(trail).not.toContain('PRIVATE')

    // Other names of the self-made one do not bring it back.
    await api.patch(settingsPath, { PATCHBAY_TLS_NAMES: null })
    expect((await shown(authority.cert, 'iot.example.org')).authorized).toBe(true)
    await server.close()
    server = await startInProcess({ data })
    api = createApi(server.url)
    expect((await shown(authority.cert, 'iot.example.org')).authorized).toBe(true)

    expect((await api.delete(tlsPath)).body.source).toBe('own')
    expect((await shown(await readFile(join(data, 'tls', 'ca.crt'), 'utf8'), 'localhost')).authorized).toBe(true)
    await expect(stat(join(data, 'tls', 'uploaded.key'))).rejects.toThrow('ENOENT')
  })

  test('is refused with its reason when it cannot be shown, and the one before stays', async () => {
    const authority = await makeAuthority(Date.now(), 30)
    const [one, two, old] = await Promise.all([
      makeServerCertificate(authority, ['a.example'], Date.now(), 20),
      makeServerCertificate(authority, ['a.example'], Date.now(), 20),
      makeServerCertificate(authority, ['a.example'], Date.now() - 40 * dayMs, 20),
    ])
    const before = (await api.get(tlsPath)).body
    for (const [certificatePem, privateKeyPem, words] of [
      ['nonsense', one.key, 'not a certificate in PEM'],
      [one.cert, 'nonsense', 'not a private key in PEM'],
      [one.cert, two.key, 'belongs to another certificate'],
      [old.cert, old.key, 'has ended'],
      [authority.cert, authority.key, 'certificate of an authority'],
      [one.cert, '-----BEGIN ENCRYPTED PRIVATE KEY-----\n', 'locked with a password'],
    ] as const) {
      const { status, body } = await api.put(tlsPath, { certificatePem, privateKeyPem })
      expect([status, body.code], words).toEqual([422, 'CERTIFICATE_UNFIT'])
      expect(body.detail).toContain(words)
    }
    expect((await api.get(tlsPath)).body).toEqual(before)
  })

  test('files of the environment beat the console', async () => {
    const authority = await makeAuthority(Date.now(), 30)
    const pair = await makeServerCertificate(authority, ['files.example'], Date.now(), 20)
    await server.close()
    await writeFile(join(data, 'own.crt'), pair.cert)
    await writeFile(join(data, 'own.key'), pair.key)
    const env = { PATCHBAY_TLS_CERT: join(data, 'own.crt'), PATCHBAY_TLS_KEY: join(data, 'own.key') }
    server = await startInProcess({ data, env })
    api = createApi(server.url)
    expect((await api.get(tlsPath)).body).toMatchObject({ source: 'files', names: ['files.example'] })
    const put = await api.put(tlsPath, { certificatePem: pair.cert, privateKeyPem: pair.key })
    expect([put.status, put.body.code]).toEqual([409, 'SETTING_FIXED'])
  })
})
