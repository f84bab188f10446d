import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ClientOptions, createTestClient, type TestClient } from '../test/dtls-client.ts'
import { createDtlsServer, type DtlsServer, type DtlsServerOptions } from './dtls-server.ts'
import { handshakeType, writeMessage } from './handshake-message.ts'
import type { DtlsPeer } from './peer.ts'
import type { DtlsSession } from './session.ts'

const keys: Record<string, string[]> = { 'meter-1': ['key-of-meter-1'], 'meter-2': ['old', 'new'] }

let server: DtlsServer
let sessions: DtlsSession[]
let messages: string[]
let closed: DtlsSession[]
let failures: string[]

function open(more: Partial<DtlsServerOptions> = {}): void {
  server?.close()
  sessions = []
  messages = []
  closed = []
  failures = []
  server = createDtlsServer({
    keysOf: async (identity) => (keys[identity] ?? []).map((key) => Buffer.from(key)),
    now: () => Date.now(),
    onSession: (session) => sessions.push(session),
    onMessage(session, message) {
      messages.push(message.toString())
      session.send(Buffer.from(`re: ${message.toString()}`))
    },
    onClose: (session) => closed.push(session),
    onFailure: ({ why, identity }) => failures.push(`${why} ${identity}`),
    ...more,
  })
}
beforeEach(() => {
  vi.useFakeTimers()
  open()
})
afterEach(() => {
  server.close()
  vi.useRealTimers()
})

/** Lets promises settle, without letting time pass. */
const settle = () => vi.advanceTimersByTimeAsync(0)

function dial(options: ClientOptions = {}, address = '192.0.2.1', port = 5000) {
  const client = createTestClient(options)
  const sent: Buffer[] = []
  let deaf = false
  const peer: DtlsPeer = {
    key: `${address} ${port}`,
    address,
    send(datagram) {
      sent.push(datagram)
      if (!deaf) client.receive(datagram)
    },
  }
  const send = (...datagrams: Buffer[]) => datagrams.forEach((datagram) => server.receive(datagram, peer))
  return {
    client,
    peer,
    sent,
    send,
    setDeaf: (now: boolean) => void (deaf = now),
    /** From now on its handshake messages come in pieces of this size. */
    cut: (bytes: number) => void (options.fragmentBytes = bytes),
    /** Both hellos: the server then waits for the client's flight. */
    greet() {
      send(client.hello())
      send(client.hello())
    },
    async connect(): Promise<TestClient> {
      this.greet()
      send(...client.flight())
      await settle()
      return client
    },
  }
}

describe('a handshake', () => {
  test.each([
    [0x00a8, true],
    [0x00a8, false],
    [0xc0a8, true],
    [0xc0a8, false],
  ])('with suite %i, extended master secret %s, ends in a session that carries messages both ways', async (id, ems) => {
    const dialled = dial({ offered: [0x1301, id], extendedMasterSecret: ems })
    const client = await dialled.connect()
    expect(client.isFinished).toBe(true)
    expect(sessions.map(({ identity, key }) => [identity, Buffer.from(key).toString()])).toEqual([
      ['meter-1', 'key-of-meter-1'],
    ])
    dialled.send(client.seal('hello'))
    expect([messages, client.received]).toEqual([['hello'], ['re: hello']])
    expect([server.handshakes, server.sessions]).toEqual([0, 1])
  })

  test('prefers the whole tag where both suites are offered', async () => {
    expect((await dial({ offered: [0xc0a8, 0x00a8] }).connect()).suite).toBe('TLS_PSK_WITH_AES_128_GCM_SHA256')
  })

  test('keeps nothing before the cookie has come back, and answers less than it was sent', () => {
    const { client, send, sent } = dial()
    const hello = client.hello()
    send(hello, hello, hello)
    expect([server.handshakes, sent.length]).toEqual([0, 3])
    expect(sent.every(({ length }) => length < hello.length)).toBe(true)
  })

  test('takes a cookie only from the address and for the parameters it was made for, and for two minutes', async () => {
    const { client, send, setDeaf } = dial()
    send(client.hello())
    const again = client.hello()
    const thief = dial({}, '192.0.2.2')
    thief.send(again)
    const changed = Buffer.from(again)
    // The last byte of the suites.
    const at = changed.lastIndexOf(Buffer.from([0xc0, 0xa8]))
    changed[at + 1] = 0xa9
    setDeaf(true)
    send(changed)
    setDeaf(false)
    expect(server.handshakes).toBe(0)
    await vi.advanceTimersByTimeAsync(121_000)
    send(again)
    expect(server.handshakes).toBe(0)
    send(client.hello())
    expect(server.handshakes).toBe(1)
  })

  test('of another key, or of nobody who is known, ends with the same alert', async () => {
    const wrong = await dial({ psk: 'wrong' }).connect()
    const unknown = await dial({ identity: 'nobody' }, '192.0.2.2').connect()
    expect([wrong.alerts, unknown.alerts]).toEqual([[51], [51]])
    expect(failures).toEqual(['key meter-1', 'key nobody'])
    expect([server.handshakes, server.sessions]).toEqual([0, 0])
  })

  test('whose Finished does not prove what was said before ends, though its key is right', async () => {
    const { client, send, greet } = dial()
    greet()
    // ClientKeyExchange, ChangeCipherSpec; then a Finished of the right form about another handshake.
    send(...client.flight().slice(0, -1))
    const body = Buffer.alloc(12)
    send(client.sealBytes(22, writeMessage({ type: handshakeType.finished, sequence: 3, body })))
    await settle()
    expect([client.alerts, server.sessions]).toEqual([[51], 0])
    expect(failures).toEqual(['key meter-1'])
  })

  test.each(['old', 'new'])('may use either of two keys that overlap: %s', async (psk) => {
    expect((await dial({ identity: 'meter-2', psk }).connect()).isFinished).toBe(true)
    expect(Buffer.from(sessions[0]?.key ?? []).toString()).toBe(psk)
  })

  test('ends with an alert when the keys cannot be read', async () => {
    open({ keysOf: () => Promise.reject(new Error('store')) })
    expect((await dial().connect()).alerts).toEqual([80])
    expect(failures).toEqual(['keys meter-1'])
  })

  test('is put together from fragments in any order, with repetitions', async () => {
    const { client, send, greet, cut } = dial()
    greet()
    cut(3)
    const flight = client.flight()
    // Three pieces, ChangeCipherSpec and Finished.
    expect(flight).toHaveLength(5)
    const exchange = flight.slice(0, -2)
    send(...exchange.slice(1).toReversed(), ...exchange, ...flight.slice(-2))
    await settle()
    expect(client.isFinished).toBe(true)
  })

  test('is not begun by a ClientHello in pieces: they would have to be kept for who has not shown where it is', () => {
    const { client, send, sent, cut } = dial()
    cut(20)
    send(client.hello())
    expect([server.handshakes, sent.length]).toEqual([0, 0])
  })

  test('waits for keys that take a while, and for a Finished that overtakes what is before it', async () => {
    let give = (_keys: Uint8Array[]) => {}
    open({ keysOf: () => new Promise((resolve) => (give = resolve)) })
    const { client, send, greet } = dial()
    greet()
    send(...client.flight().toReversed())
    await settle()
    expect(client.isFinished).toBe(false)
    give([Buffer.from('key-of-meter-1')])
    await settle()
    expect(client.isFinished).toBe(true)
  })

  test('sends its flight again after 1, 2, 4 and 8 s, then gives up', async () => {
    const { sent, greet } = dial()
    greet()
    const times: number[] = []
    let before = sent.length
    for (let second = 1; second <= 40; second++) {
      await vi.advanceTimersByTimeAsync(1000)
      if (sent.length > before) times.push(second)
      before = sent.length
    }
    expect(times).toEqual([1, 3, 7, 15])
    expect(failures).toEqual(['lost undefined'])
    expect(server.handshakes).toBe(0)
  })

  test('survives the loss of each flight', async () => {
    const { client, send, greet, setDeaf } = dial()
    greet()
    const flight = client.flight()
    setDeaf(true)
    send(...flight)
    await settle()
    expect([client.isFinished, sessions.length]).toEqual([false, 1])
    setDeaf(false)
    send(client.finished())
    expect(client.isFinished).toBe(true)
    // Once it has sent data it has had the Finished.
    send(client.seal('x'))
    const count = client.serverMessages.length
    send(client.finished())
    expect(client.serverMessages.length).toBe(count)
  })

  test.each([
    ['no suite of ours', { offered: [0x1301, 0x00ae] }, 40],
    ['DTLS 1.0', { version: 0xfeff }, 70],
  ])('with %s is refused', (_name, options, alert) => {
    const { client, greet } = dial(options)
    greet()
    expect(client.alerts).toEqual([alert])
    expect(server.handshakes).toBe(0)
  })

  test('of a peer that has a session leaves it alone until it has succeeded', async () => {
    const first = dial()
    const old = await first.connect()
    const second = dial()
    second.greet()
    first.send(old.seal('still here'))
    expect(messages).toEqual(['still here'])
    second.send(...second.client.flight())
    await settle()
    expect([closed.length, server.sessions]).toEqual([1, 1])
    first.send(old.seal('too late'))
    second.send(second.client.seal('new'))
    expect(messages).toEqual(['still here', 'new'])
  })

  test('more of them than permitted, of one address or of all, are not answered', () => {
    open({ limits: { handshakes: 3, handshakesPerAddress: 2 } })
    const dialled = Array.from({ length: 3 }, (_, at) => dial({}, '192.0.2.1', at))
    dialled.push(dial({}, '192.0.2.2'), dial({}, '192.0.2.3'))
    for (const one of dialled) one.greet()
    // The answer to the first hello, and to the second where there was room.
    expect(dialled.map(({ sent }) => sent.length)).toEqual([2, 2, 1, 2, 1])
  })
})

describe('a session', () => {
  test('takes each record once, in any order within the window', async () => {
    const dialled = dial()
    const client = await dialled.connect()
    const records = Array.from({ length: 70 }, (_, at) => client.seal(String(at)))
    dialled.send(...records.slice(60).toReversed(), ...records)
    // 70 records; the first five and the Finished are too far behind the last.
    expect(messages).toHaveLength(70 - 6)
    expect(new Set(messages).size).toBe(messages.length)
  })

  test('passes over what was forged or damaged', async () => {
    const dialled = dial()
    const client = await dialled.connect()
    const good = client.seal('good')
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 1
      dialled.send(bad)
    }
    expect(messages).toEqual([])
    dialled.send(good)
    expect(messages).toEqual(['good'])
  })

  test('refuses renegotiation and answers close_notify', async () => {
    const dialled = dial()
    const client = await dialled.connect()
    const hello = Buffer.from([1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0])
    dialled.send(client.sealBytes(22, hello))
    expect(client.alerts).toEqual([100])
    dialled.send(client.sealBytes(21, Buffer.from([1, 0])))
    expect(client.alerts).toEqual([100, 0])
    expect([closed.length, server.sessions]).toEqual([1, 0])
    dialled.send(client.seal('late'))
    expect(messages).toEqual([])
  })

  test('that is silent for too long is closed, and so is the most silent one when there is no room', async () => {
    open({ limits: { idleMs: 10_000, sessions: 2, sessionsPerAddress: 10 } })
    const [a, b, c] = [dial({}, 'a'), dial({}, 'b'), dial({}, 'c')]
    const first = await a.connect()
    const second = await b.connect()
    a.send(first.seal('x'))
    await c.connect()
    expect(second.alerts).toEqual([0])
    expect(server.sessions).toBe(2)
    await vi.advanceTimersByTimeAsync(6_000)
    a.send(first.seal('y'))
    await vi.advanceTimersByTimeAsync(6_000)
    server.sweep()
    expect([server.sessions, first.alerts, c.client.alerts]).toEqual([1, [], [0]])
  })

  test('is said goodbye to when the server closes', async () => {
    const client = await dial().connect()
    server.close()
    expect(client.alerts).toEqual([0])
  })
})

test('whatever comes, nothing is thrown, and who is connected stays so', async () => {
  const dialled = dial({}, 'good')
  const client = await dialled.connect()
  const random = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    cut: fc.nat(300),
    step: fc.nat(3),
    garbage: fc.uint8Array({ maxLength: 200 }),
  })
  await fc.assert(
    fc.asyncProperty(random, async ({ at, byte, cut, step, garbage }) => {
      const bad = dial({}, 'bad')
      const steps: (() => Buffer)[] = [
        () => bad.client.hello(),
        () => bad.client.hello(),
        () => Buffer.concat(bad.client.flight()),
        () => Buffer.from(garbage),
      ]
      for (const [index, make] of steps.entries()) {
        if (index === 2 && bad.client.suite === undefined) break
        const bytes = Buffer.from(make())
        if (index === step) {
          bytes[at % bytes.length] = byte
          bad.send(bytes.subarray(0, cut))
        }
        bad.send(bytes)
        bad.send(Buffer.from(garbage))
      }
      await settle()
    }),
    { numRuns: 500 },
  )
  dialled.send(client.seal('still here'))
  expect(messages).toContain('still here')
})
