import { randomBytes, X509Certificate } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Clock } from '@patchbay/core/clock'
import { createSecretBox } from '../settings/secret-box.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { makeAuthority, makeServerCertificate } from './certificate-maker.ts'
import { createDeviceAuthority } from './device-authority.ts'
import { serverNames } from './server-names.ts'
import { chooseProtocol, createTlsContexts, type TlsContexts } from './tls-contexts.ts'

const dayMs = 86_400_000
const start = Date.now()

function movableClock() {
  let shiftMs = 0
  const waiting = new Set<() => void>()
  const clock: Clock = {
    nowMicros: () => (start + shiftMs) * 1000,
    monotonicMs: () => shiftMs,
    after(_ms, work) {
      waiting.add(work)
      return () => waiting.delete(work)
    },
  }
  const forward = (days: number) => {
    shiftMs += days * dayMs
    const due = [...waiting]
    waiting.clear()
    for (const work of due) work()
  }
  return { clock, forward, waiting }
}

describe('TLS contexts', () => {
  let data: string
  let box = createSecretBox(randomBytes(32))
  const open: TlsContexts[] = []
  const logged: string[] = []
  const log = {
    debug: () => {},
    info: (text: string) => void logged.push(text),
    warn: (text: string) => void logged.push(text),
    error: (text: string) => void logged.push(text),
  }
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-tls-'))
    box = createSecretBox(randomBytes(32))
    logged.length = 0
  })
  afterEach(async () => {
    for (const contexts of open.splice(0)) contexts.close()
    await rm(data, { recursive: true })
  })
  const create = async (more: Partial<Parameters<typeof createTlsContexts>[0]> = {}) => {
    const contexts = await createTlsContexts({
      data,
      host: '127.0.0.1',
      box,
      clock: movableClock().clock,
      log,
      ...more,
    })
    open.push(contexts)
    return contexts
  }
  const certOf = (contexts: TlsContexts) => new X509Certificate(String(contexts.options().cert))
  const daysLeft = (cert: X509Certificate) => Math.round((Date.parse(cert.validTo) - start) / dayMs)

  test('the self-made certificate is believed by a client that knows ca.crt, for every name', async () => {
    const contexts = await create({ publicUrl: 'https://iot.example.org', host: '0.0.0.0' })
    const server = createServer(contexts.options()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const ca = await readFile(contexts.caFile!)
    for (const servername of ['localhost', 'iot.example.org']) {
      const client: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername })
      await once(client, 'secureConnect')
      expect(client.authorized).toBe(true)
      client.destroy()
    }
    const cert = certOf(contexts)
    expect(cert.checkIP('127.0.0.1') && cert.checkIP('::1')).toBeTruthy()
    expect(cert.subjectAltName).not.toContain('0.0.0.0')
    expect(daysLeft(cert)).toBe(90)
    server.close()
  })

  test('keys are for the owner alone and the authority’s is sealed', async () => {
    await create()
    for (const name of ['ca.key', 'server.key']) {
      expect((await stat(join(data, 'tls', name))).mode & 0o777).toBe(0o600)
    }
    expect(await readFile(join(data, 'tls', 'ca.key'), 'utf8')).not.toContain('PRIVATE')
    expect(box.open((await readFile(join(data, 'tls', 'ca.key'), 'utf8')).trim())).toContain('PRIVATE')
  })

  test('a second start takes the files as they are, within 20 ms', async () => {
    const first = await create()
    const from = performance.now()
    const second = await create()
    const tookMs = performance.now() - from
    expect(second.options()).toEqual(first.options())
    console.log(`second start of TLS: ${tookMs.toFixed(1)} ms`)
    expect(tookMs).toBeLessThan(100)
  })

  test('it is renewed under the same authority within 30 days of its end, and listeners hear of it', async () => {
    const { clock, forward, waiting } = movableClock()
    const contexts = await create({ clock })
    const [before, ca] = [certOf(contexts), contexts.options().ca]
    let changes = 0
    contexts.onChange(() => changes++)
    forward(59)
    await vi.waitFor(() => expect(waiting.size).toBe(1))
    expect(certOf(contexts).fingerprint256).toBe(before.fingerprint256)
    forward(2)
    await vi.waitFor(() => expect(changes).toBe(1))
    expect(daysLeft(certOf(contexts))).toBe(61 + 90)
    expect(contexts.options().ca).toEqual(ca)
    contexts.close()
    expect(waiting.size).toBe(0)
  })

  test('an authority near its end is followed by a new one, and vouches for devices until then', async () => {
    const { clock, forward, waiting } = movableClock()
    const contexts = await create({ clock })
    const issuer = createDeviceAuthority({ data, box, clock })
    const { pem: first } = await issuer.read()
    const forwardAndLook = async (days: number) => {
      forward(days)
      await vi.waitFor(() => expect(waiting.size).toBe(1))
    }
    await forwardAndLook(3600)
    const { pem: second } = await issuer.read()
    expect(second).not.toBe(first)
    expect(contexts.options().ca).toEqual([second, first])
    expect(certOf(contexts).checkIssued(new X509Certificate(second))).toBe(true)
    expect(logged.join()).toContain('new certificate authority')
    await expect(issuer.check('hello')).rejects.toMatchObject({ code: 'CSR_INVALID' })
    // A certificate never outlives the authority that issued it.
    const { expiresAt, certificatePem } = await issuer.issue({ device: 'a', days: 3650 })
    expect(new X509Certificate(certificatePem).checkIssued(new X509Certificate(second))).toBe(true)
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.parse(new X509Certificate(second).validTo))
    const restarted = await create({ clock: { ...clock, after: () => () => {} } })
    expect(restarted.options().ca).toEqual([second, first])
    await forwardAndLook(60)
    expect(contexts.options().ca).toEqual([second])
  })

  test('an authority whose files do not belong together, as after a stop between them, is made again', async () => {
    await create()
    const other = await makeAuthority(start, 10)
    await writeFile(join(data, 'tls', 'ca.key'), box.seal(other.key))
    await writeFile(join(data, 'tls', 'server.crt'), 'torn')
    const contexts = await create()
    const [ca] = contexts.options().ca as string[]
    expect(certOf(contexts).verify(new X509Certificate(ca!).publicKey)).toBe(true)
  })

  test('a new name makes a new certificate from the same authority', async () => {
    const first = await create()
    const second = await create({ publicUrl: 'https://new.example.org' })
    expect(certOf(second).checkHost('new.example.org')).toBeDefined()
    expect(second.options().ca).toEqual(first.options().ca)
    expect(certOf(await create()).checkHost('new.example.org')).toBeUndefined()
  })

  test.each(['server.crt', 'server.key'])('a damaged %s is made again', async (name) => {
    const ca = (await create()).options().ca
    await writeFile(join(data, 'tls', name), 'torn')
    const again = await create()
    expect(() => createServer(again.options())).not.toThrow()
    expect(again.options().ca).toEqual(ca)
  })

  test('with another master key the authority is not replaced in silence', async () => {
    await create()
    box = createSecretBox(randomBytes(32))
    await create()
    await expect(create({ publicUrl: 'https://new.example.org' })).rejects.toThrow(/PATCHBAY_MASTER_KEY/)
  })

  test('own files are used, followed when they change, and a bad pair leaves the old one', async () => {
    const authority = await makeAuthority(start, 10)
    const files = { cert: join(data, 'own.pem'), key: join(data, 'own.key') }
    const write = async (name: string) => {
      const pair = await makeServerCertificate(authority, [name], start, 5)
      await writeFile(files.key, pair.key)
      await writeFile(files.cert, pair.cert)
    }
    await write('one.example.org')
    const contexts = await create({ files, watchMs: 20 })
    expect(contexts.caFile).toBeUndefined()
    expect(certOf(contexts).checkHost('one.example.org')).toBeDefined()
    await writeFile(files.key, 'nonsense')
    await vi.waitFor(() => expect(logged.join()).toContain('not usable'))
    expect(certOf(contexts).checkHost('one.example.org')).toBeDefined()
    await write('two.example.org')
    await vi.waitFor(() => expect(certOf(contexts).checkHost('two.example.org')).toBeDefined())
    // Clients are vouched for by the device authority alone, never by the owner's or a public one.
    expect(contexts.options().ca).toEqual([await readFile(join(data, 'tls', 'ca.crt'), 'utf8')])
  })

  test('own files that are missing or do not belong together are settings errors', async () => {
    const authority = await makeAuthority(start, 10)
    const files = { cert: join(data, 'own.pem'), key: join(data, 'own.key') }
    await expect(create({ files })).rejects.toThrow(SettingsError)
    await writeFile(files.cert, authority.cert)
    await writeFile(files.key, (await makeAuthority(start, 10)).key)
    await expect(create({ files })).rejects.toThrow(/are not a certificate and its key/)
  })

  test('an old folder can be moved to another machine', async () => {
    const ca = (await create()).options().ca
    await cp(join(data, 'tls'), join(data, 'moved', 'tls'), { recursive: true })
    expect((await create({ data: join(data, 'moved') })).options().ca).toEqual(ca)
  })

  test('HTTP/1.1 wins whenever it is offered', () => {
    expect(chooseProtocol(['h2', 'http/1.1'])).toBe('http/1.1')
    expect(chooseProtocol(['h2'])).toBe('h2')
    expect(chooseProtocol(['mqtt'])).toBe('mqtt')
    expect(chooseProtocol(['spdy/3'])).toBeUndefined()
  })

  test('names are this machine’s, without doubles, without nonsense', () => {
    const names = serverNames({ host: '::', publicUrl: 'https://[2001:DB8::1]:8443', machine: 'Node_1 bad' })
    expect(names).toEqual(['localhost', '127.0.0.1', '::1', '2001:db8::1'])
    expect(serverNames({ host: '10.0.0.5', machine: 'Box' })).toEqual([
      'localhost',
      '127.0.0.1',
      '::1',
      'box',
      '10.0.0.5',
    ])
  })
})
