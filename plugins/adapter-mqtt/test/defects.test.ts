import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakePlatform } from './fake-platform.ts'
import { logIn, publish, subscribe, textsOf, until } from './raw-talk.ts'
import { RawClient, startAdapter, type Adapter } from './start-adapter.ts'

// Each of these went wrong, or would have, with a broker that was the door itself.
let folder: string
let adapter: Adapter

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-defects-'))
  adapter = await startAdapter(folder)
})
afterEach(async () => {
  await adapter.stop()
  await rm(folder, { recursive: true, force: true })
})

const restart = async (given: Record<string, unknown> = {}) => {
  await adapter.stop()
  adapter = await startAdapter(folder, new FakePlatform(), given)
}
const connected = (version: 4 | 5, clientId: string, fields: Record<string, unknown> = {}) =>
  logIn(adapter.port, version, clientId, fields)
const bye = async (raw: RawClient) => {
  raw.send({ cmd: 'disconnect' })
  await until(() => expect(raw.closed).toBe(true))
}
const rowsOf = (sql: string): unknown[] => {
  const database = new DatabaseSync(join(folder, 'broker.sqlite'), { readOnly: true })
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

it('a Response Topic without a value ends its own connection and nothing else', async () => {
  const raw = await connected(5, 'null')
  for (const bytes of ['30 06 00 01 61 01 08 31', '30 07 00 01 61 03 08 00 00']) {
    const hostile = await connected(5, `null-${bytes.length}`)
    hostile.socket.write(Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
    await until(() => expect(hostile.of('disconnect')).toMatchObject([{ reasonCode: 0x81 }]))
  }
  raw.send({ cmd: 'pingreq' })
  await until(() => expect(raw.of('pingresp')).toHaveLength(1))
})

describe('a QoS 2 message whose connection is cut during its commit', () => {
  it.each([4, 5] as const)('is taken once when it comes again over a new connection (version %i)', async (version) => {
    const kept = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) }
    const reader = await connected(version, 'reader')
    await subscribe(reader, 'devices/a/x', { qos: 2 })
    const first = await connected(version, 'talker', kept)
    adapter.platform.held = []
    first.send(publish('once', { qos: 2, messageId: 9 }))
    await until(() => expect(adapter.platform.held).toHaveLength(1))
    first.socket.destroy()
    await until(() => expect(adapter.platform.open_).toHaveLength(1))
    const second = await connected(version, 'talker', kept)
    second.send(publish('once', { qos: 2, messageId: 9, dup: true }), { cmd: 'pingreq' })
    await until(() => expect(second.of('pingresp')).toHaveLength(1))
    expect(adapter.platform.held).toHaveLength(1)
    expect(second.of('pubrec')).toEqual([])
    for (const finish of adapter.platform.held) finish()
    await until(() => expect(second.of('pubrec')).toMatchObject([{ messageId: 9 }]))
    expect(adapter.platform.published.map(({ text }) => text)).toEqual(['once'])
    await until(() => expect(textsOf(reader)).toEqual(['once']))
  })

  it('is another one in a new clean session', async () => {
    const first = await connected(4, 'talker', { clean: false })
    adapter.platform.held = []
    first.send(publish('old', { qos: 2, messageId: 9 }))
    await until(() => expect(adapter.platform.held).toHaveLength(1))
    first.socket.destroy()
    await until(() => expect(adapter.platform.open_).toHaveLength(0))
    const second = await connected(4, 'talker', { clean: true })
    second.send(publish('new', { qos: 2, messageId: 9 }))
    await until(() => expect(adapter.platform.held).toHaveLength(2))
    for (const finish of adapter.platform.held) finish()
    await until(() => expect(second.of('pubrec')).toHaveLength(1))
    expect(adapter.platform.published.map(({ text }) => text)).toEqual(['old', 'new'])
  })
})

describe('an acknowledgement', () => {
  it.each([1, 2] as const)('comes after every copy is on the disk (QoS %i)', async (qos) => {
    await restart({ durability: 'full' })
    const away = await connected(4, 'away', { clean: false })
    await subscribe(away, 'devices/a/#', { qos: 2 })
    await bye(away)
    const talker = await connected(4, 'talker', { clean: false })
    for (let messageId = 1; messageId <= 20; messageId++) {
      talker.send(publish(`${messageId}`, { qos, messageId, topic: `devices/a/r${messageId}`, retain: true }))
      await until(() => expect(talker.of(qos === 1 ? 'puback' : 'pubrec')).toHaveLength(messageId))
      expect(rowsOf('SELECT topic FROM retained')).toHaveLength(messageId)
      expect(rowsOf('SELECT seq FROM outgoing')).toHaveLength(messageId)
      if (qos === 2) expect(rowsOf('SELECT message_id FROM incoming')).toHaveLength(messageId)
    }
  })
})

describe('messages of one publisher', () => {
  it('stay in order whatever their QoS, and whether they are retained or not', async () => {
    const reader = await connected(4, 'reader', { clean: false })
    await subscribe(reader, 'devices/a/#', { qos: 2 })
    const talker = await connected(4, 'talker')
    const total = 300
    adapter.platform.held = []
    for (let at = 1; at <= total; at++) {
      const fields = {
        qos: at % 3,
        retain: at % 5 === 0,
        ...(at % 3 === 0 ? { messageId: undefined } : { messageId: at }),
      }
      talker.send(publish(`${at}`, fields))
    }
    // all of them are settled in one turn: none has time to overtake another by itself
    await until(() => expect(adapter.platform.held).toHaveLength(total))
    for (const finish of adapter.platform.held) finish()
    let seen = 0
    const heard: number[] = []
    await until(() => {
      for (; seen < reader.packets.length; seen++) {
        const packet = reader.packets[seen]
        if (packet?.cmd === 'publish') {
          heard.push(Number(String(packet.payload)))
          const messageId = packet.messageId ?? 0
          if (packet.qos === 1) reader.send({ cmd: 'puback', messageId })
          if (packet.qos === 2) reader.send({ cmd: 'pubrec', messageId })
        } else if (packet?.cmd === 'pubrel') reader.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 })
      }
      expect(heard).toHaveLength(total)
    })
    // QoS 0 is sent at once and does not wait for the disk as the others do: each has its own order
    const parts = [heard.filter((at) => at % 3 === 0), heard.filter((at) => at % 3 !== 0)]
    for (const part of parts) expect(part).toEqual(part.toSorted((a, b) => a - b))
  })
})

describe('a session', () => {
  it('of clean start 0 and expiry 0 gives what has waited for it, and then ends with its connection', async () => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }
    const first = await connected(5, 'last', kept)
    await subscribe(first, 'devices/a/x')
    await bye(first)
    const talker = await connected(5, 'talker')
    talker.send(publish('waits'))
    await until(() => expect(talker.of('puback')).toHaveLength(1))
    const second = await connected(5, 'last', { clean: false })
    expect(second.of('connack')).toMatchObject([{ sessionPresent: true }])
    await until(() => expect(textsOf(second)).toEqual(['waits']))
    await bye(second)
    const third = await connected(5, 'last', kept)
    expect(third.of('connack')).toMatchObject([{ sessionPresent: false }])
    expect(rowsOf('SELECT seq FROM outgoing')).toEqual([])
  })

  it.each([4, 5] as const)(
    'that was kept is present without any subscription, also after a restart (version %i)',
    async (version) => {
      const kept = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) }
      await bye(await connected(version, 'bare', kept))
      const again = await connected(version, 'bare', kept)
      expect(again.of('connack')).toMatchObject([{ sessionPresent: true }])
      await bye(again)
      await restart()
      expect((await connected(version, 'bare', kept)).of('connack')).toMatchObject([{ sessionPresent: true }])
    },
  )
})

it('the delay of a will stays between its client and the server', async () => {
  const reader = await connected(5, 'reader')
  await subscribe(reader, 'devices/a/status')
  const will = { topic: 'devices/a/status', payload: Buffer.from('gone'), qos: 1, retain: false }
  const properties = { willDelayInterval: 0, contentType: 'text/plain', userProperties: { why: 'power' } }
  const dying = await connected(5, 'dying', { will: { ...will, properties } })
  dying.socket.destroy()
  await until(() => expect(textsOf(reader)).toEqual(['gone']))
  const [published] = reader.of('publish')
  expect(published).toMatchObject({ properties: { contentType: 'text/plain' } })
  expect(JSON.stringify(published)).not.toContain('willDelayInterval')
})

describe('a longest keep alive', () => {
  beforeEach(() => restart({ maxKeepAliveSeconds: 60 }))

  it('is named to MQTT 5', async () => {
    for (const keepalive of [0, 61]) {
      const raw = await connected(5, `five-${keepalive}`, { keepalive })
      expect(raw.of('connack')).toMatchObject([{ reasonCode: 0, properties: { serverKeepAlive: 60 } }])
    }
    const raw = await connected(5, 'shorter', { keepalive: 60 })
    expect(JSON.stringify(raw.of('connack'))).not.toContain('serverKeepAlive')
  })

  it('is told to 3.1.1 with a code that it has', async () => {
    expect((await connected(4, 'four', { keepalive: 61 })).of('connack')).toMatchObject([{ returnCode: 2 }])
    expect((await connected(4, 'four', { keepalive: 60 })).of('connack')).toMatchObject([{ returnCode: 0 }])
  })
})

describe('a subscriber that does not read', () => {
  const deafTo = async (fields: Record<string, unknown>, qos: 0 | 1) => {
    const deaf = await connected(5, 'deaf', fields)
    await subscribe(deaf, 'devices/a/x', { qos })
    deaf.socket.pause()
    return deaf
  }
  const flood = async (messages: number, qos: 0 | 1) => {
    const talker = await connected(4, 'talker')
    const payload = 'x'.repeat(200_000)
    for (let messageId = 1; messageId <= messages; messageId++) {
      talker.send(publish(payload, { qos, ...(qos === 0 ? {} : { messageId }) }))
    }
    talker.send({ cmd: 'pingreq' })
    await until(() => expect(talker.of('pingresp')).toHaveLength(1), 10_000)
    if (qos === 1) await until(() => expect(talker.of('puback')).toHaveLength(messages), 10_000)
    await until(() => expect(adapter.platform.published).toHaveLength(messages))
  }
  const codes = () => adapter.platform.refusals.map(({ refusal }) => refusal.refused.code)

  it('loses QoS 0 messages, is counted once for many, and is not cut off', async () => {
    const deaf = await deafTo({}, 0)
    await flood(100, 0)
    expect(codes()).toEqual(['MQTT_QUEUE_FULL'])
    expect(deaf.closed).toBe(false)
    deaf.socket.resume()
    await until(() => expect(textsOf(deaf).length).toBeGreaterThan(0))
    expect(textsOf(deaf).length).toBeLessThan(90)
  })

  it('is cut off at QoS 1, and finds everything in its kept session', { timeout: 20_000 }, async () => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }
    await deafTo(kept, 1)
    // more than a connected client may have waiting, and less than a session may
    await flood(55, 1)
    expect(codes()).toContain('MQTT_READS_TOO_SLOWLY')
    await until(() => expect(adapter.platform.open_).toHaveLength(1))
    const again = await connected(5, 'deaf', kept)
    let seen = 0
    await until(() => {
      for (const { messageId } of again.of('publish').slice(seen)) {
        seen++
        again.send({ cmd: 'puback', messageId: messageId ?? 0 })
      }
      expect(seen).toBe(55)
    }, 10_000)
  })
})

it('the delay of a will runs on over a restart, and does not begin anew', async () => {
  const will = { topic: 'devices/a/status', payload: Buffer.from('gone'), qos: 1, retain: false }
  const dying = await connected(5, 'dying', {
    properties: { sessionExpiryInterval: 60 },
    will: { ...will, properties: { willDelayInterval: 30 } },
  })
  dying.socket.destroy()
  const times = () => rowsOf('SELECT due_at_ms FROM will_times')
  await until(() => expect(times()).toHaveLength(1))
  const before = times()
  await restart()
  expect(times()).toEqual(before)
})

it('a QoS 0 message that is refused costs a 3.1.1 client nothing but the message, retained or not', async () => {
  const raw = await connected(4, 'careless')
  for (const topic of ['devices/b/x', '$SYS/x', `devices/a/${'x'.repeat(600)}`]) {
    for (const retain of [true, false]) raw.send(publish('1', { topic, qos: 0, messageId: undefined, retain }))
  }
  raw.send({ cmd: 'pingreq' })
  await until(() => expect(raw.of('pingresp')).toHaveLength(1))
  expect(raw.closed).toBe(false)
  expect(adapter.platform.published).toEqual([])
})
