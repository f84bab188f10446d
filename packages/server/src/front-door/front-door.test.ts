import 'reflect-metadata'
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttp, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls'
import * as x509 from '@peculiar/x509'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '@patchbay/core/clock'
import type { ClientCertificate, Connection } from '@patchbay/sdk'
import { toProxyHeader } from '@patchbay/sdk/proxy-header'
import { permitsPlain } from '../settings/addresses.ts'
import { createSecretBox } from '../settings/secret-box.ts'
import { makeAuthority, makeServerCertificate, type Pair } from '../tls/certificate-maker.ts'
import { createTlsContexts, type TlsContexts } from '../tls/tls-contexts.ts'
import { createFrontDoor, type FrontDoor, type FrontDoorOptions } from './front-door.ts'
import { createHttpServer } from './http-server.ts'
import { connectionOf, type PeerConnection } from './peer-connection.ts'
import type { FrontRefusal } from './refusal.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const isMqtt = (bytes: Uint8Array) => (bytes[0] === 0x10 ? 'mine' : 'no')
const connectPacket = Buffer.from('101000044d5154540402003c000464657631', 'hex')

let data: string
let tls: TlsContexts
let ca: Buffer
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'patchbay-door-'))
  tls = await createTlsContexts({
    data,
    host: '127.0.0.1',
    box: createSecretBox(randomBytes(32)),
    clock: systemClock,
    log: quiet,
  })
  ca = await readFile(tls.caFile ?? '')
})
afterAll(async () => {
  tls.close()
  await rm(data, { recursive: true })
})

describe('front door', () => {
  let door: FrontDoor
  let refusals: FrontRefusal[]
  let seen: (PeerConnection | undefined)[]
  const clients: Socket[] = []
  const http = createHttpServer((request, response) => {
    seen.push(connectionOf(request.socket))
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => response.end(`${request.method} ${request.url} ${body}`))
  })

  async function open(more: Partial<FrontDoorOptions> = {}): Promise<void> {
    door = createFrontDoor({
      host: '127.0.0.1',
      tls,
      permitsPlain: permitsPlain('loopback'),
      onHttp: (socket) => http.emit('connection', socket),
      clock: systemClock,
      log: quiet,
      recordRefusal: (refusal) => refusals.push(refusal),
      ...more,
    })
    await door.listen({ name: 'main', port: 0 })
  }
  beforeEach(() => {
    refusals = []
    seen = []
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await door.close(100)
  })

  const main = () => {
    const [listener] = door.listeners()
    if (!listener) throw new Error('no listener')
    return listener
  }
  const dial = (port = main().port): Socket => {
    const client = connect({ host: '127.0.0.1', port, noDelay: true })
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const dialTls = (more: ConnectionOptions = {}, port = main().port) => {
    const client = tlsConnect({ host: '127.0.0.1', port, ca, servername: 'localhost', ...more })
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  /** A matcher for MQTT that keeps every byte it gets. */
  const takeMqtt = () => {
    const taken: { connection: Connection; bytes: Buffer }[] = []
    const remove = door.register('mqtt', isMqtt, (connection) => {
      const one = { connection, bytes: Buffer.alloc(0) }
      taken.push(one)
      connection.socket.on('data', (chunk: Buffer) => {
        one.bytes = Buffer.concat([one.bytes, chunk])
        connection.socket.write('ok')
      })
    })
    return { taken, remove }
  }
  const closing = async (client: Socket) => {
    client.resume()
    if (!client.closed) await new Promise((resolve) => client.once('close', resolve))
  }
  const get = (path: string, secure: boolean, body = '') =>
    new Promise<string>((resolve, reject) => {
      const ask = secure ? httpsRequest : httpRequest
      const { port } = main()
      const sent = ask({ host: '127.0.0.1', port, path, method: 'POST', ca, servername: 'localhost' }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += String(chunk)))
        response.on('end', () => resolve(text))
      })
      sent.on('error', reject)
      sent.end(body)
    })

  test('MQTT, HTTP and both inside TLS share one port, and every byte arrives', async () => {
    await open()
    const { taken } = takeMqtt()
    const body = 'x'.repeat(100_000)
    expect(await get('/plain', false, body)).toBe(`POST /plain ${body}`)
    expect(await get('/tls', true, body)).toBe(`POST /tls ${body}`)
    const long = Buffer.concat([connectPacket, randomBytes(200_000)])
    dial().write(long)
    await vi.waitFor(() => expect(taken[0]?.bytes.equals(long)).toBe(true))
    dialTls().write(long)
    await vi.waitFor(() => expect(taken[1]?.bytes.equals(long)).toBe(true))
    expect(taken.map((one) => [one.connection.encrypted, one.connection.address, one.connection.listener])).toEqual([
      [false, '127.0.0.1', 'main'],
      [true, '127.0.0.1', 'main'],
    ])
    expect(seen.map((one) => [one?.encrypted, one?.permitted, one?.address])).toEqual([
      [false, true, '127.0.0.1'],
      [true, true, '127.0.0.1'],
    ])
    expect(refusals).toEqual([])
    expect(door.undecided()).toBe(0)
  })

  test('bytes that come one at a time are told apart just as well', async () => {
    await open()
    const { taken } = takeMqtt()
    const drip = async (client: Socket, bytes: Buffer) => {
      for (const byte of bytes) {
        client.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const mqtt = dial()
    await drip(mqtt, connectPacket)
    await vi.waitFor(() => expect(taken[0]?.bytes.equals(connectPacket)).toBe(true))
    const client = dial()
    const answer = once(client, 'data')
    await drip(client, Buffer.from('DELETE /a HTTP/1.1\r\nhost: a\r\n\r\n'))
    expect(String((await answer)[0])).toContain('DELETE /a ')

    // TLS through a relay that drips every byte of the client's.
    const relay = createServer((from) => {
      const to = dial()
      from.on('data', (chunk: Buffer) => void drip(to, chunk))
      // Its peer is cut off when the test is over.
      from.on('error', () => to.destroy())
      to.pipe(from)
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const dripping = dialTls({}, portOf(relay))
    dripping.write(connectPacket)
    await vi.waitFor(() => expect(taken[1]?.bytes.equals(connectPacket)).toBe(true))
    expect(taken[1]?.connection.encrypted).toBe(true)
    relay.close()
  })

  test('a pipelined request and an early end of the client’s side still get their answers', async () => {
    await open()
    const client = connect({ host: '127.0.0.1', port: main().port, allowHalfOpen: true })
    clients.push(client)
    client.end('GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    let text = ''
    client.on('data', (chunk) => (text += String(chunk)))
    await once(client, 'end')
    expect(text).toMatch(/GET \/1 [^]*GET \/2 /)
  })

  test('silent peers are closed in time, plain and inside TLS, and recorded', async () => {
    await open({ loginMs: 150 })
    const secured = dialTls()
    await once(secured, 'secureConnect')
    await Promise.all([closing(dial()), closing(secured)])
    await vi.waitFor(() => expect(refusals).toHaveLength(2))
    expect(refusals.map((one) => one.code)).toEqual(['FRONT_SILENT', 'FRONT_SILENT'])
    await vi.waitFor(() => expect(main()).toMatchObject({ connections: 0, refused: 2 }))
  })

  test.each([
    ['HTTP/2 without a matcher', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'FRONT_UNKNOWN'],
    ['AMQP without a matcher', 'AMQP\0\x01\0\0', 'FRONT_UNKNOWN'],
    ['an unknown method', 'BREW / HTTP/1.1\r\n', 'FRONT_UNKNOWN'],
    ['lower case', 'get / HTTP/1.1\r\n', 'FRONT_UNKNOWN'],
    ['NUL', '\0', 'FRONT_UNKNOWN'],
    ['SSLv2', '\x80\x2e\x01', 'FRONT_UNKNOWN'],
    ['no TLS after all', '\x16\x04\x01', 'FRONT_UNKNOWN'],
    ['broken TLS', `\x16\x03\x01\x00\x05hello`, 'FRONT_TLS_FAILED'],
  ])('%s is closed and recorded', async (_name, bytes, code) => {
    await open()
    const client = dial()
    client.write(Buffer.from(bytes, 'latin1'))
    await closing(client)
    expect(refusals).toMatchObject([{ listener: 'main', address: '127.0.0.1', code }])
    expect(door.undecided()).toBe(0)
  })

  test('a peer that leaves before it has said anything is no refusal', async () => {
    await open()
    const client = dial()
    await once(client, 'connect')
    await vi.waitFor(() => expect(door.undecided()).toBe(1))
    client.end()
    await closing(client)
    await vi.waitFor(() => expect(main().connections).toBe(0))
    expect(refusals).toEqual([])
  })

  test('no more than 4 KiB are held while a matcher wants more', async () => {
    await open()
    let longest = 0
    door.register(
      'greedy',
      (bytes) => {
        longest = Math.max(longest, bytes.length)
        return 'more'
      },
      () => {},
    )
    const client = dial()
    client.write(Buffer.alloc(2000, 'z'))
    await vi.waitFor(() => expect(longest).toBe(2000))
    client.write(Buffer.alloc(3000, 'z'))
    await closing(client)
    expect(refusals).toMatchObject([{ code: 'FRONT_TOO_LONG' }])
  })

  test('a matcher that throws harms nobody else', async () => {
    await open()
    door.register(
      'broken',
      () => {
        throw new Error('bug')
      },
      () => {},
    )
    expect(await get('/x', false)).toBe('POST /x ')
  })

  test('an owner that throws closes its connection only', async () => {
    await open()
    door.register('mqtt', isMqtt, () => {
      throw new Error('bug')
    })
    const client = dial()
    client.write(connectPacket)
    await closing(client)
    expect(await get('/x', false)).toBe('POST /x ')
  })

  test('a removed matcher keeps what it got and gets nothing new', async () => {
    await open()
    const { taken, remove } = takeMqtt()
    const first = dial()
    first.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(1))
    remove()
    const second = dial()
    second.write(connectPacket)
    await closing(second)
    expect(refusals).toMatchObject([{ code: 'FRONT_UNKNOWN' }])
    first.write('more')
    await vi.waitFor(() => expect(String(taken[0]?.bytes)).toContain('more'))
    expect(taken).toHaveLength(1)
  })

  test('ALPN: http/1.1 whenever offered, h2 only without it, none at all is fine, a stranger is refused', async () => {
    await open()
    const { taken } = takeMqtt()
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'http/1.1'],
      [['h2'], 'h2'],
      [['mqtt'], 'mqtt'],
      [undefined, false],
    ] as const) {
      const client = dialTls(offered ? { ALPNProtocols: [...offered] } : {})
      await once(client, 'secureConnect')
      expect(client.alpnProtocol).toBe(chosen)
      client.write(connectPacket)
    }
    await vi.waitFor(() => expect(taken).toHaveLength(4))
    await closing(dialTls({ ALPNProtocols: ['smtp'] }))
    await vi.waitFor(() => expect(refusals).toMatchObject([{ code: 'FRONT_TLS_FAILED' }]))
  })

  test('a renewed certificate is shown to new connections', async () => {
    const authority = await makeAuthority(Date.now(), 10)
    let pair = await makeServerCertificate(authority, ['localhost'], Date.now(), 5)
    let changed = () => {}
    await open({
      tls: {
        ...tls,
        options: () => ({ ...pair, ca: authority.cert }),
        onChange(hear) {
          changed = hear
          return () => {}
        },
      },
    })
    const shown = async () => {
      const client = dialTls({ ca: authority.cert })
      await once(client, 'secureConnect')
      return client.getPeerCertificate().serialNumber
    }
    const first = await shown()
    pair = await makeServerCertificate(authority, ['localhost'], Date.now(), 5)
    expect(await shown()).toBe(first)
    changed()
    expect(await shown()).not.toBe(first)
  })

  test('a client certificate counts when the device authority issued it for a client, and names one device', async () => {
    const authority = await makeAuthority(Date.now(), 10)
    const stranger = await makeAuthority(Date.now(), 10)
    const server = await makeServerCertificate(authority, ['localhost'], Date.now(), 5)
    await open({ tls: { ...tls, options: () => ({ ...server, ca: authority.cert }) } })
    const { taken } = takeMqtt()
    const uri = (id: string) => [
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `urn:patchbay:device:${id}` }]),
    ]
    const cases: [string, Pair, Partial<ClientCertificate>][] = [
      ['its own', await makeClientCertificate(authority, 'CN=boiler-1'), { deviceId: 'boiler-1' }],
      [
        'by its URI',
        await makeClientCertificate(authority, 'CN=short', uri('a'.repeat(100))),
        { deviceId: 'a'.repeat(100) },
      ],
      [
        'another authority’s',
        await makeClientCertificate(stranger, 'CN=boiler-1'),
        { problem: 'foreign', claimedId: 'boiler-1' },
      ],
      [
        'a server’s',
        await makeServerCertificate(authority, ['boiler-1'], Date.now(), 5),
        { problem: 'foreign', claimedId: 'Patchbay' },
      ],
      ['two names', await makeClientCertificate(authority, 'CN=boiler-1, CN=boiler-2'), { problem: 'nameless' }],
      ['a name that is no id', await makeClientCertificate(authority, 'CN=a/#'), { problem: 'nameless' }],
      [
        'an old one',
        await makeClientCertificate(authority, 'CN=boiler-1', [], -1),
        { problem: 'expired', claimedId: 'boiler-1' },
      ],
      [
        'one of tomorrow',
        await makeClientCertificate(authority, 'CN=boiler-1', [], 2),
        { problem: 'early', claimedId: 'boiler-1' },
      ],
      [
        'a stranger’s old one',
        await makeClientCertificate(stranger, 'CN=boiler-1', [], -1),
        { problem: 'foreign', claimedId: 'boiler-1' },
      ],
    ]
    for (const [name, pair, found] of cases) {
      const client = dialTls({ ...pair, ca: authority.cert })
      client.write(connectPacket)
      await vi.waitFor(() => expect(taken.at(-1)?.bytes).toEqual(connectPacket))
      const fingerprint = new X509Certificate(pair.cert).fingerprint256.replaceAll(':', '').toLowerCase()
      expect([name, taken.pop()?.connection.certificate]).toEqual([name, { ...found, fingerprint }])
    }
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a resumed session of %s still has its certificate', async (version) => {
    const authority = await makeAuthority(Date.now(), 10)
    const server = await makeServerCertificate(authority, ['localhost'], Date.now(), 5)
    await open({ tls: { ...tls, options: () => ({ ...server, ca: authority.cert }) } })
    const { taken } = takeMqtt()
    const pair = await makeClientCertificate(authority, 'CN=boiler-1')
    const options = { ca: authority.cert, minVersion: version, maxVersion: version }
    const first = dialTls({ ...options, ...pair })
    const kept = new Promise<Buffer>((resolve) => first.once('session', resolve))
    first.write(connectPacket)
    const session = await kept
    const again = dialTls({ ...options, session })
    await once(again, 'secureConnect')
    expect(again.isSessionReused()).toBe(true)
    again.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(2))
    expect(taken[1]?.connection.certificate).toEqual(taken[0]?.connection.certificate)
    expect(taken[1]?.connection.certificate).toMatchObject({ deviceId: 'boiler-1' })
  })

  test('slow sockets are closed and counted, and a new login is not kept waiting by them', async () => {
    await open({ loginMs: 400, limits: { perAddress: 100, graceMs: 0 } })
    const slow = Array.from({ length: 200 }, (_, at) => {
      const client = dial()
      client.write(at % 2 === 0 ? 'G' : Buffer.from([0x16, 3]))
      return client
    })
    const from = performance.now()
    expect(await get('/new', false)).toBe('POST /new ')
    console.log(`new request beside 200 slow sockets: ${(performance.now() - from).toFixed(1)} ms`)
    await Promise.all(slow.map(closing))
    await vi.waitFor(() => expect(main().refused).toBe(200))
    const crowded = refusals.filter((one) => one.code === 'FRONT_CROWDED').length
    expect(crowded).toBeGreaterThanOrEqual(100)
    expect(refusals.length - crowded).toBe(refusals.filter((one) => one.code === 'FRONT_SILENT').length)
    expect(door.undecided()).toBe(0)
  })

  test('handshakes beyond the limit wait their turn', async () => {
    await open({ limits: { handshakes: 2 } })
    const { taken } = takeMqtt()
    const secured = Array.from({ length: 20 }, () => dialTls())
    for (const client of secured) client.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(20))
    expect(refusals).toEqual([])
  })

  test('whoever stops in the middle of a handshake makes room for one who does not', async () => {
    await open({ limits: { handshakes: 2, graceMs: 0 } })
    const { taken } = takeMqtt()
    const hello = await new Promise<Buffer>((resolve) => {
      const sink = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) })
      tlsConnect({ socket: sink, servername: 'localhost' }).on('error', () => {})
    })
    for (let i = 0; i < 3; i++) dial().write(hello)
    // The third has taken the place of the first.
    await vi.waitFor(() => expect(refusals.map(({ code }) => code)).toEqual(['FRONT_CROWDED']))
    const secured = dialTls()
    secured.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(1))
    expect(refusals.map(({ code }) => code)).toEqual(['FRONT_CROWDED', 'FRONT_CROWDED'])
  })

  test('a storm of quick logins of one address is let in, whatever the limit for slow ones', async () => {
    await open({ limits: { perAddress: 5 } })
    const { taken } = takeMqtt()
    const storm = Array.from({ length: 300 }, () => dial())
    for (const client of storm) client.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(300))
    expect(refusals).toEqual([])
  })

  test('all addresses together have a limit', async () => {
    await open({ limits: { total: 10 } })
    const slow = Array.from({ length: 30 }, () => dial())
    await vi.waitFor(() => expect(refusals).toHaveLength(20))
    expect(new Set(refusals.map((one) => one.code))).toEqual(new Set(['FRONT_CROWDED']))
    expect(door.undecided()).toBe(10)
    expect(slow).toHaveLength(30)
  })

  test('connections that break at any moment leave nothing behind', async () => {
    await open()
    takeMqtt()
    for (let round = 0; round < 60; round++) {
      const client = round % 2 ? dialTls() : dial()
      client.once(round % 3 ? 'connect' : 'ready', () => {
        client.write(connectPacket)
        if (round % 10 === 0) client.resetAndDestroy()
        else setImmediate(() => client.destroy())
      })
    }
    await vi.waitFor(() => expect(clients.every((client) => client.destroyed)).toBe(true))
    await vi.waitFor(() => expect(main().connections).toBe(0))
    expect(door.undecided()).toBe(0)
  })

  describe('a port of its own', () => {
    const freePort = async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const port = portOf(server)
      server.close()
      await once(server, 'close')
      return port
    }
    const hear = async (port: number, mode: 'never' | 'always' | 'detected') => {
      const got: Connection[] = []
      const stop = door.listenOwn({ name: 'mqtts', port, tls: mode }, (connection) => {
        got.push(connection)
        connection.socket.on('data', (chunk: Buffer) => connection.socket.write(chunk))
        if (mode === 'never') connection.socket.write('hello')
      })
      await vi.waitFor(() => expect(door.listeners()[1]?.state).not.toBe('off'))
      return { got, stop }
    }

    test('never speaks TLS: the owner gets the socket at once and may speak first', async () => {
      await open()
      const port = await freePort()
      const { got } = await hear(port, 'never')
      const [first] = await once(dial(port), 'data')
      expect(String(first)).toBe('hello')
      expect(got).toMatchObject([{ encrypted: false, listener: 'mqtts' }])
    })

    test('always speaks TLS: plain text is closed', async () => {
      await open()
      const port = await freePort()
      const { got } = await hear(port, 'always')
      const plain = dial(port)
      plain.write(connectPacket)
      await closing(plain)
      expect(refusals).toMatchObject([{ code: 'FRONT_TLS_REQUIRED', listener: 'mqtts' }])
      const client = dialTls({}, port)
      client.write(connectPacket)
      expect((await once(client, 'data'))[0]).toEqual(connectPacket)
      expect(got).toMatchObject([{ encrypted: true }])
    })

    test('detected takes both, and any first byte', async () => {
      await open()
      const port = await freePort()
      const { got } = await hear(port, 'detected')
      for (const client of [dial(port), dialTls({}, port)]) {
        client.write('\0\x01')
        expect(String((await once(client, 'data'))[0])).toBe('\0\x01')
      }
      expect(got.map((one) => one.encrypted)).toEqual([false, true])
    })

    test('stopping frees the port and leaves handed-over connections alone', async () => {
      await open()
      const port = await freePort()
      const { stop } = await hear(port, 'detected')
      const kept = dial(port)
      kept.write('a')
      await once(kept, 'data')
      const undecided = dial(port)
      await vi.waitFor(() => expect(door.undecided()).toBe(1))
      await stop()
      await closing(undecided)
      const again = createServer().listen(port, '127.0.0.1')
      await once(again, 'listening')
      again.close()
      kept.write('b')
      expect(String((await once(kept, 'data'))[0])).toBe('b')
      expect(door.listeners()).toHaveLength(1)
    })

    test('a taken port is degraded with the reason, and taken when it is free', async () => {
      let retry = () => {}
      const clock = {
        ...systemClock,
        after(ms: number, work: () => void) {
          if (ms !== 30_000) return systemClock.after(ms, work)
          retry = work
          return () => {}
        },
      }
      await open({ clock })
      const other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const port = portOf(other)
      const { stop } = await hear(port, 'never')
      expect(door.listeners()[1]).toMatchObject({ state: 'degraded', port, detail: expect.stringContaining('taken') })
      other.close()
      await once(other, 'close')
      retry()
      await vi.waitFor(() => expect(door.listeners()[1]?.state).toBe('listening'))
      expect(door.listeners()[1]?.detail).toBeUndefined()
      await stop()
    })

    test('port 0 is off', async () => {
      await open()
      const stop = door.listenOwn({ name: 'mqtt', port: 0 }, () => {})
      expect(door.listeners()[1]).toMatchObject({ name: 'mqtt', state: 'off', connections: 0 })
      await stop()
    })
  })

  /** With the field of version 2 that says: it came to me by TLS. */
  const withTls = (header: Buffer): Buffer => {
    const whole = Buffer.concat([header, Buffer.from([0x20, 0, 5, 1, 0, 0, 0, 0])])
    whole.writeUInt16BE(whole.length - 16, 14)
    return whole
  }
  const behind = { sourceAddress: '203.0.113.7', sourcePort: 4711, targetAddress: '192.0.2.1', targetPort: 8080 }

  describe('behind a proxy that is believed', () => {
    const believing = {
      trustsProxy: (address: string) => address === '127.0.0.1',
      permitsPlain: permitsPlain('loopback'),
    }

    test.for([
      ['version 1', toProxyHeader(1, behind), false],
      ['version 2', toProxyHeader(2, behind), false],
      ['version 2 that tells of TLS', withTls(toProxyHeader(2, behind)), true],
    ] as const)('a connection is that of the client of its header, in pieces too: %s', async ([, header, secure]) => {
      await open(believing)
      const { taken } = takeMqtt()
      const sender = dial()
      for (const byte of Buffer.concat([header, connectPacket])) {
        sender.write(Buffer.from([byte]))
        await new Promise(setImmediate)
      }
      await once(sender, 'data')
      expect(taken[0]?.bytes.toString('hex')).toBe(connectPacket.toString('hex'))
      expect(taken[0]?.connection).toMatchObject({ address: '203.0.113.7', encrypted: secure, permitted: secure })
      expect(refusals).toEqual([])
    })

    test('on a port of one protocol, too, and HTTP, and TLS that the proxy passes through', async () => {
      await open(believing)
      const probe = createServer().listen(0, '127.0.0.1')
      await once(probe, 'listening')
      const { port } = probe.address() as AddressInfo
      probe.close()
      await once(probe, 'close')
      const owned: Connection[] = []
      door.listenOwn({ name: 'own', port, tls: 'never' }, (connection) => void owned.push(connection))
      await vi.waitFor(() => expect(door.listeners().at(1)?.state).toBe('listening'))
      const plain = dial(port)
      plain.write(Buffer.concat([toProxyHeader(1, behind), connectPacket]))
      await vi.waitFor(() => expect(owned).toMatchObject([{ address: '203.0.113.7', encrypted: false }]))
      const web = dial()
      web.write(Buffer.concat([toProxyHeader(1, behind), Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n')]))
      expect(String(await once(web, 'data'))).toContain('200 OK')
      expect(seen[0]).toMatchObject({ address: '203.0.113.7', encrypted: false, permitted: false })

      const { taken } = takeMqtt()
      const raw = dial()
      raw.write(toProxyHeader(2, behind))
      const secured = tlsConnect({ socket: raw, ca, servername: 'localhost' })
      secured.write(connectPacket)
      await once(secured, 'data')
      expect(taken[0]?.connection).toMatchObject({ address: '203.0.113.7', encrypted: true, permitted: true })
    })

    test('without a header, or with one that names nobody, it is the proxy’s own', async () => {
      await open(believing)
      const { taken } = takeMqtt()
      for (const before of ['', 'PROXY UNKNOWN\r\n']) {
        const sender = dial()
        sender.write(Buffer.concat([Buffer.from(before), connectPacket]))
        await once(sender, 'data')
      }
      expect(taken.map(({ connection }) => connection.address)).toEqual(['127.0.0.1', '127.0.0.1'])
    })

    test('a header that cannot be read is refused, and every header of a proxy that is not believed', async () => {
      await open(believing)
      const sender = dial()
      sender.write('PROXY TCP4 nobody 192.0.2.1 1 2\r\n')
      await closing(sender)
      expect(refusals).toMatchObject([{ address: '127.0.0.1', code: 'FRONT_PROXY' }])
      await door.close(100)
      await open({ trustsProxy: () => false })
      const { taken } = takeMqtt()
      const other = dial()
      other.write(Buffer.concat([toProxyHeader(1, behind), connectPacket]))
      await closing(other)
      expect([taken, refusals.at(-1)]).toMatchObject([[], { address: '127.0.0.1', code: 'FRONT_UNKNOWN' }])
    })
  })

  test('a taken shared port is an error of its own', async () => {
    await open()
    const port = main().port
    const second = createFrontDoor({
      host: '127.0.0.1',
      tls,
      permitsPlain: () => true,
      onHttp: () => {},
      clock: systemClock,
      log: quiet,
      recordRefusal: () => {},
    })
    await expect(second.listen({ name: 'main', port })).rejects.toMatchObject({ code: 'FRONT_PORT_TAKEN' })
    await second.close(0)
  })

  test('closing lets owners finish until the deadline', async () => {
    await open()
    const { taken } = takeMqtt()
    const idle = dial()
    const busy = dial()
    const stuck = dial()
    busy.write(connectPacket)
    stuck.write(connectPacket)
    await vi.waitFor(() => expect(taken).toHaveLength(2))
    await vi.waitFor(() => expect(main().connections).toBe(3))
    const closed = door.close(300)
    await closing(idle)
    expect(busy.destroyed).toBe(false)
    busy.end()
    await Promise.all([closing(busy), closing(stuck), closed])
    await expect(door.listen({ name: 'late', port: 0 })).rejects.toThrow(/closed/)
  })

  test('a slow request head is cut by the HTTP server, which never listens itself', async () => {
    const strict = createHttpServer(() => {})
    strict.headersTimeout = 50
    await open({ onHttp: (socket) => strict.emit('connection', socket) })
    const client = dial()
    client.write('GET / HTTP/1.1\r\n')
    const [answer] = await once(client, 'data')
    expect(String(answer)).toContain('408')
    await closing(client)
  })

  const ownPort = async (): Promise<number> => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const port = portOf(probe)
    probe.close()
    await once(probe, 'close')
    return port
  }
  const track = (client: Socket): Socket => {
    clients.push(client)
    return client
  }
  test('its listeners move to another address under the same ports, and connections stay', async () => {
    await open()
    const own: Connection[] = []
    const close = door.listenOwn({ name: 'own', port: await ownPort(), tls: 'never' }, (each) => own.push(each))
    await vi.waitFor(() => expect(door.listeners().every(({ state }) => state === 'listening')).toBe(true))
    const { port } = main()
    const held = track(connect(port, '127.0.0.1'))
    await once(held, 'connect')
    await door.move('127.0.0.2')
    expect(door.listeners().map(({ name, address, state }) => [name, address, state])).toEqual([
      ['main', '127.0.0.2', 'listening'],
      ['own', '127.0.0.2', 'listening'],
    ])
    expect(main().port).toBe(port)
    held.write('GET /still HTTP/1.1\r\nhost: a\r\n\r\n')
    expect(String((await once(held, 'data'))[0])).toContain('GET /still')
    const [error] = await once(track(connect(port, '127.0.0.1')), 'error')
    expect(error.code).toBe('ECONNREFUSED')
    await once(track(connect(port, '127.0.0.2')), 'connect')

    // An address that is none of this machine: nothing has moved.
    await expect(door.move('192.0.2.1')).rejects.toThrow('not one of this machine')
    await once(track(connect(port, '127.0.0.2')), 'connect')
    expect(door.listeners().every(({ state, address }) => state === 'listening' && address === '127.0.0.2')).toBe(true)
    await close()
  })

  test('what the hop costs', async () => {
    const direct = createHttp((_request, response) => response.end('.')).listen(0, '127.0.0.1')
    await once(direct, 'listening')
    const plain = createHttpServer((_request, response) => response.end('.'))
    await open({ onHttp: (socket) => plain.emit('connection', socket) })
    const round = async (port: number) => {
      const from = performance.now()
      const client = connect(port, '127.0.0.1')
      client.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
      await once(client, 'data')
      const took = performance.now() - from
      client.destroy()
      return took * 1000
    }
    const sums: [number[], number[]] = [[], []]
    for (let at = 0; at < 600; at++) {
      sums[0].push(await round(portOf(direct)))
      sums[1].push(await round(main().port))
    }
    const median = (list: number[]) => list.slice(100).toSorted((a, b) => a - b)[250] ?? 0
    const [before = 0, after = 0] = sums.map(median)
    expect(after - before).toBeLessThan(5000)
    console.log(
      `connect to first byte of the answer: ${before.toFixed(0)} µs direct, ${after.toFixed(0)} µs through the front door`,
    )
    direct.close()
  })
})

function portOf(server: Server | ReturnType<typeof createHttp>): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return address.port
}

async function makeClientCertificate(
  authority: Pair,
  subject: string,
  more: x509.Extension[] = [],
  endsInDays = 1,
): Promise<Pair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ['sign'],
  )
  const cert = await x509.X509CertificateGenerator.create({
    subject,
    notBefore: new Date(Date.now() + (endsInDays - 1.5) * 86_400_000),
    notAfter: new Date(Date.now() + endsInDays * 86_400_000),
    issuer: new x509.X509Certificate(authority.cert).subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]), ...more],
  })
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { cert: cert.toString('pem'), key }
}
