import { X509Certificate } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadMasterKey } from '../../src/settings/master-key.ts'
import { createSecretBox } from '../../src/settings/secret-box.ts'
import { makeAuthority } from '../../src/tls/certificate-maker.ts'
import { makeDeviceCertificate } from '../../src/tls/device-certificate.ts'
import { keyOfAuthority } from '../../src/tls/own-certificate.ts'
import { createApi, createDevice, type Api } from '../harness/api.ts'
import { certifiedProtocols, type Identity } from '../harness/certificate-clients.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const dayMs = 86_400_000

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

let server: InProcess
let api: Api
let ca: Buffer
const ports: Record<string, number> = {}

beforeAll(async () => {
  for (const name of ['MQTTS', 'AMQP', 'GRPC']) ports[name] = await freePort()
  server = await startInProcess({
    env: Object.fromEntries(Object.entries(ports).map(([name, port]) => [`PATCHBAY_${name}_PORT`, String(port)])),
  })
  api = createApi(server.url)
  ca = await readFile(join(server.data, 'tls', 'ca.crt'))
})
afterAll(() => server.close())

const issue = async (device: string, body: object = {}): Promise<Identity & { id: string; pem: string }> => {
  const answer = await api.post(`/api/v1/devices/${device}/certificates`, body)
  expect(answer.status).toBe(201)
  const { certificate, certificatePem, privateKeyPem } = answer.body
  return { cert: certificatePem, key: privateKeyPem, id: certificate.id, pem: certificatePem }
}

const refusalsOf = async (device: string): Promise<string[]> =>
  (await api.get(`/api/v1/refusals?device=${device}`)).body.items.map((one: { code: string }) => one.code)

/** As the platform would make it, with another authority or at another time. */
const forge = async (device: string, at: { nowMs?: number; foreign?: boolean }): Promise<Identity> => {
  const own = {
    cert: ca.toString(),
    key: await keyOfAuthority(join(server.data, 'tls'), createSecretBox(await loadMasterKey({ data: server.data }))),
  }
  const authority = at.foreign ? await makeAuthority(Date.now(), 10) : own
  const made = await makeDeviceCertificate(authority, { device, days: 1 }, at.nowMs ?? Date.now())
  return { cert: made.certificatePem, key: made.privateKeyPem! }
}

describe.each(Object.keys(certifiedProtocols))('%s', (name) => {
  const { open, refused } = certifiedProtocols[name]!
  const device = `c-${name}`
  beforeAll(async () => {
    await createDevice(api, device)
  })
  const where = () => ({ port: server.port, ca, topic: `devices/${device}/telemetry` })
  const refusal = (identity: Identity | undefined) =>
    open(identity, where()).then(
      async (client) => {
        await client.close()
        return 'let in'
      },
      (error: unknown) => String(error),
    )

  test('a device logs in by its certificate, and its revocation ends it at once', async () => {
    const [mine, spare] = [await issue(device), await issue(device)]
    const client = await open(mine, where())
    await client.publish('{"level": 7.5}')
    expect((await api.get(`/api/v1/devices/${device}/latest`)).body.level.value).toBe(7.5)

    const before = performance.now()
    expect((await api.delete(`/api/v1/devices/${device}/certificates/${mine.id}`)).status).toBe(204)
    if (client.ended) await client.ended
    else await expect(client.publish('{"level": 8}')).rejects.toThrow(/403.*CERTIFICATE_REVOKED/)
    expect(performance.now() - before).toBeLessThan(2000)
    await client.close().catch(() => undefined)
    expect(await refusal(mine)).toMatch(refused.banned)
    expect(await refusalsOf(device)).toContain('CERTIFICATE_REVOKED')
    expect((await api.get(`/api/v1/devices/${device}/sessions`)).body.items).toEqual([])

    // The other one of the same device goes on.
    const other = await open(spare, where())
    await other.publish('{"level": 9}')
    await other.close()
  })

  test('a stranger’s, an old, an early and an unlisted certificate, and none, are refused with the reason', async () => {
    expect(await refusal(await forge(device, { foreign: true }))).toMatch(refused.credentials)
    expect((await refusalsOf(device))[0]).toBe('CERTIFICATE_FOREIGN')
    expect(await refusal(await forge(device, { nowMs: Date.now() - 10 * dayMs }))).toMatch(refused.banned)
    expect((await refusalsOf(device))[0]).toBe('CERTIFICATE_EXPIRED')
    expect(await refusal(await forge(device, { nowMs: Date.now() + 10 * dayMs }))).toMatch(refused.banned)
    expect((await refusalsOf(device))[0]).toBe('CERTIFICATE_EARLY')
    expect(await refusal(await forge(device, {}))).toMatch(refused.credentials)
    expect((await refusalsOf(device))[0]).toBe('CERTIFICATE_UNKNOWN')
    expect(await refusal(undefined)).toMatch(refused.credentials)
  })

  test('the certificate of a deleted device opens nothing, nor does it when the id is used again', async () => {
    const id = `${device}-gone`
    await createDevice(api, id)
    const mine = await issue(id)
    await api.delete(`/api/v1/devices/${id}`)
    expect(await refusal(mine)).toMatch(refused.credentials)
    expect((await refusalsOf(id))[0]).toBe('DEVICE_UNKNOWN')
    await createDevice(api, id)
    expect(await refusal(mine)).toMatch(refused.credentials)
    expect((await refusalsOf(id))[0]).toBe('CERTIFICATE_UNKNOWN')
  })
})

test.each([
  ['mqtt', 'MQTTS'],
  ['amqp', 'AMQP'],
  ['grpc', 'GRPC'],
])('%s takes certificates on its well-known port as well', async (name, port) => {
  const device = `well-known-${name}`
  await createDevice(api, device)
  const where = { port: ports[port]!, ca, topic: `devices/${device}/telemetry` }
  const client = await certifiedProtocols[name]!.open(await issue(device), where)
  await client.publish('{"level": 1}')
  await client.close()
  const foreign = await forge(device, { foreign: true })
  await expect(certifiedProtocols[name]!.open(foreign, where)).rejects.toThrow(/./)
  expect((await refusalsOf(device))[0]).toBe('CERTIFICATE_FOREIGN')
})

test('an id too long for a common name is in a URI', async () => {
  const device = `long-${'x'.repeat(123)}`
  await createDevice(api, device)
  const mine = await issue(device)
  expect(new X509Certificate(mine.cert).subjectAltName).toBe(`URI:urn:patchbay:device:${device}`)
  const where = { port: server.port, ca, topic: `devices/${device}/telemetry` }
  const client = await certifiedProtocols['mqtt']!.open(mine, where)
  await client.publish('{"level": 1}')
  await client.close()
})

test('a password goes before a certificate, and needs none', async () => {
  const { id, secret } = await createDevice(api, 'both-1')
  const foreign = await forge('somebody', { foreign: true })
  const { connectAsync } = await import('mqtt')
  const url = `mqtts://localhost:${server.port}`
  const client = await connectAsync(url, { username: id, password: secret, reconnectPeriod: 0, ca, ...foreign })
  await client.publishAsync('devices/both-1/telemetry', '{"a":1}', { qos: 1 })
  await client.endAsync()
})

test('certificates are listed without secrets, page by page, and revoked by fingerprint; the trail tells', async () => {
  await createDevice(api, 'listed-1')
  const first = await issue('listed-1', { days: 30 })
  const second = await issue('listed-1', { days: 5000 }).catch(() => undefined)
  expect(second).toBeUndefined()
  const third = await issue('listed-1', { overlapSeconds: 0 })
  const { items } = (await api.get('/api/v1/devices/listed-1/certificates')).body
  expect(JSON.stringify(items)).not.toMatch(/PRIVATE|BEGIN/)
  const byId = new Map<string, any>(items.map((one: { id: string }) => [one.id, one]))
  expect(byId.get(first.id)).toMatchObject({ device: 'listed-1', status: 'expired' })
  expect(byId.get(third.id)).toMatchObject({ status: 'valid' })
  const { fingerprint256, serialNumber, subject } = new X509Certificate(third.cert)
  expect(third.id).toBe(fingerprint256.replaceAll(':', '').toLowerCase())
  expect(byId.get(third.id).serial).toBe(serialNumber.toLowerCase())
  expect(subject).toBe('CN=listed-1')
  expect((await api.delete(`/api/v1/certificates/${third.id}`)).status).toBe(204)
  expect((await api.delete(`/api/v1/certificates/${third.id}`)).status).toBe(404)
  expect((await api.delete(`/api/v1/certificates/${'0'.repeat(64)}`)).status).toBe(404)
  const revoked = (await api.get('/api/v1/certificates?status=revoked&device=listed-1')).body.items
  expect(revoked).toMatchObject([{ id: third.id, status: 'revoked', revokedAt: expect.any(String) }])
  const page = (await api.get('/api/v1/certificates?limit=1&device=listed-1')).body
  const rest = (await api.get(`/api/v1/certificates?limit=1&device=listed-1&cursor=${page.nextCursor}`)).body
  expect([page.items.length, rest.items.length, rest.nextCursor]).toEqual([1, 1, undefined])
  // Secrets are listed elsewhere, and not ended from here.
  const { items: secrets } = (await api.get('/api/v1/devices/listed-1/credentials')).body
  expect(secrets).toHaveLength(1)
  await vi.waitFor(async () => {
    const entries = (await api.get('/api/v1/audit?target=listed-1')).body.items
    const told = JSON.stringify(entries)
    expect(told).toContain(third.id)
    expect(told).toContain('DELETE /api/v1/certificates/')
    expect(told).not.toMatch(/BEGIN/)
  })
})

test('no more than ten are valid at once, and a bad request is 422 with the reason', async () => {
  await createDevice(api, 'many-1')
  for (let i = 0; i < 10; i++) await issue('many-1')
  const answer = await api.post('/api/v1/devices/many-1/certificates', {})
  expect([answer.status, answer.body.code]).toEqual([409, 'LIMIT_REACHED'])
  const bad = await api.post('/api/v1/devices/many-1/certificates', { csr: 'hello' })
  expect([bad.status, bad.body.code]).toEqual([422, 'CSR_INVALID'])
  expect(bad.body.detail).toContain('not one PEM block')
  expect((await api.post('/api/v1/devices/none-1/certificates', {})).status).toBe(404)
})

test('the authority can be had by who has a key, and nothing else of it', async () => {
  const { body } = await api.get('/api/v1/certificates/authority')
  expect(body.pem).toBe(ca.toString())
  const pem = await api.get('/api/v1/certificates/authority.pem')
  expect([pem.headers.get('content-type'), pem.body]).toEqual(['application/x-pem-file', ca.toString()])
  expect((await fetch(`${server.url}/api/v1/certificates/authority`)).status).toBe(401)
})

test('no key of the authority or of a device lies readable in the data folder', async () => {
  await createDevice(api, 'at-rest')
  const { key } = await issue('at-rest')
  const authorityKey = await keyOfAuthority(
    join(server.data, 'tls'),
    createSecretBox(await loadMasterKey({ data: server.data })),
  )
  const derOf = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const needles = [authorityKey, key].flatMap((pem) => {
    const der = derOf(pem)
    // The secret number itself, and a line of PEM that holds most of it.
    const line = Buffer.from(der.toString('base64').slice(64, 104))
    expect(pem).toContain(line.toString())
    return [der.subarray(36, 68), line]
  })
  let files = 0
  for (const name of await readdir(server.data, { recursive: true })) {
    const bytes = await readFile(join(server.data, name)).catch(() => undefined)
    if (!bytes) continue
    files++
    for (const needle of needles) expect([name, bytes.includes(needle)]).toEqual([name, false])
  }
  expect(files).toBeGreaterThan(4)
})
