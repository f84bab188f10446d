import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { connectAsync } from 'mqtt'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makeAuthority, makeServerCertificate } from '../../src/tls/certificate-maker.ts'
import { createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { createMovedClock } from '../harness/moved-clock.ts'

const dayMs = 86_400_000
let folder: string
let server: InProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-certificate-'))
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(folder, { recursive: true })
})

/** The fingerprint and the end of what a new connection is shown. */
const shown = (port: number) =>
  new Promise<{ fingerprint: string; endsMs: number }>((resolve, reject) => {
    const client = connect({ host: 'localhost', port, rejectUnauthorized: false }, () => {
      const { fingerprint256, valid_to: end } = client.getPeerCertificate()
      client.destroy()
      resolve({ fingerprint: fingerprint256, endsMs: Date.parse(end) })
    })
    client.on('error', reject)
  })

/** A device that is connected by its own certificate, and proves that it still is. */
async function holdDevice({ url, port, data }: InProcess, ca: string) {
  const api = createApi(url)
  await createDevice(api, 'held-1')
  const { body } = await api.post('/api/v1/devices/held-1/certificates', { days: 1000 })
  const identity = { cert: body.certificatePem, key: body.privateKeyPem }
  const client = await connectAsync(`mqtts://localhost:${port}`, { reconnectPeriod: 0, ca, ...identity })
  let closed = false
  client.on('close', () => (closed = true))
  let value = 0
  return {
    identity,
    data,
    async publish() {
      await client.publishAsync('devices/held-1/telemetry/level', String(++value), { qos: 1 })
      expect((await api.get('/api/v1/devices/held-1/latest')).body.level.value).toBe(value)
      expect(closed).toBe(false)
    },
    end: () => client.endAsync(true),
  }
}

test('the server’s certificate is renewed by itself before it ends, and connections stay', async () => {
  const clock = createMovedClock()
  server = await startInProcess({ clock })
  const ca = await readFile(join(server.data, 'tls', 'ca.crt'), 'utf8')
  const before = await shown(server.port)
  expect(Math.round((before.endsMs - Date.now()) / dayMs)).toBe(90)
  const device = await holdDevice(server, ca)
  await clock.move(59 * dayMs)
  await device.publish()
  expect((await shown(server.port)).fingerprint).toBe(before.fingerprint)
  await clock.move(2 * dayMs)
  const { port } = server
  await vi.waitFor(async () => expect((await shown(port)).fingerprint).not.toBe(before.fingerprint))
  expect(Math.round(((await shown(port)).endsMs - Date.now()) / dayMs)).toBe(61 + 90)
  await device.publish()
  expect(await readFile(join(server.data, 'tls', 'ca.crt'), 'utf8')).toBe(ca)
  await device.end()
})

test('changed files of the owner are taken without a restart, connections stay, and devices’ certificates hold', async () => {
  const owner = await makeAuthority(Date.now(), 10)
  const files = { cert: join(folder, 'own.pem'), key: join(folder, 'own.key') }
  const write = async () => {
    const { cert, key } = await makeServerCertificate(owner, ['localhost'], Date.now(), 5)
    await writeFile(files.key, key)
    await writeFile(files.cert, cert)
  }
  await write()
  server = await startInProcess({ env: { PATCHBAY_TLS_CERT: files.cert, PATCHBAY_TLS_KEY: files.key } })
  const { port } = server
  const before = await shown(port)
  const device = await holdDevice(server, owner.cert)
  await write()
  await vi.waitFor(async () => expect((await shown(port)).fingerprint).not.toBe(before.fingerprint), {
    timeout: 15_000,
    interval: 200,
  })
  await device.publish()
  // A new connection with the new certificate, and still the device's own.
  const again = await connectAsync(`mqtts://localhost:${port}`, {
    reconnectPeriod: 0,
    ca: owner.cert,
    ...device.identity,
  })
  await again.publishAsync('devices/held-1/telemetry/level', '99', { qos: 1 })
  await again.endAsync()
  await device.publish()
  await device.end()
})

test('a device’s session ends with its certificate', async () => {
  const clock = createMovedClock()
  server = await startInProcess({ clock })
  const { port, url, data } = server
  const ca = await readFile(join(data, 'tls', 'ca.crt'))
  const api = createApi(url)
  await createDevice(api, 'short-1')
  const { body } = await api.post('/api/v1/devices/short-1/certificates', { days: 1 })
  const options = { reconnectPeriod: 0, ca, cert: body.certificatePem, key: body.privateKeyPem } as const
  const client = await connectAsync(`mqtts://localhost:${port}`, { ...options, protocolVersion: 5 })
  let goodbye: number | undefined
  client.on('disconnect', ({ reasonCode }) => (goodbye = reasonCode))
  const minuteMs = 60_000
  await clock.move(dayMs - 90 * minuteMs)
  await client.publishAsync('devices/short-1/telemetry/level', '1', { qos: 1 })
  expect(goodbye).toBeUndefined()
  await vi.waitFor(async () => {
    // Smaller steps than the platform looks ahead.
    await clock.move(10 * minuteMs)
    expect(goodbye).toBeDefined()
  })
  await expect(connectAsync(`mqtts://localhost:${port}`, options)).rejects.toThrow(/Not authorized/)
  const [refused] = (await api.get('/api/v1/refusals?device=short-1')).body.items
  expect(refused).toMatchObject({ code: 'CERTIFICATE_EXPIRED', step: 'certificate', detail: expect.any(String) })
  const { items } = (await api.get('/api/v1/certificates?status=expired')).body
  expect(items).toMatchObject([{ device: 'short-1', status: 'expired' }])
  await client.endAsync(true)
})
