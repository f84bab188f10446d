import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakePlatform } from './fake-platform.ts'
import { logIn, publish, subscribe, textOf, textsOf, until } from './raw-talk.ts'
import { RawClient, startAdapter, type Adapter } from './start-adapter.ts'

let folder: string
let adapter: Adapter

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-delivery-'))
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

describe('what a client allows', () => {
  it('is kept to: no more unacknowledged messages than its Receive Maximum', async () => {
    const slow = await connected(5, 'slow', { properties: { receiveMaximum: 2 } })
    await subscribe(slow, 'devices/a/x', { qos: 2 })
    const talker = await connected(5, 'talker')
    for (let at = 1; at <= 5; at++) talker.send(publish(`${at}`, { messageId: at, qos: at % 2 === 0 ? 2 : 1 }))
    await until(() => expect(adapter.platform.published).toHaveLength(5))
    slow.send({ cmd: 'pingreq' })
    await until(() => expect(slow.of('pingresp')).toHaveLength(1))
    expect(textsOf(slow)).toEqual(['1', '2'])
    slow.send({ cmd: 'puback', messageId: slow.of('publish')[0]?.messageId ?? 0 })
    await until(() => expect(textsOf(slow)).toEqual(['1', '2', '3']))
    slow.send({ cmd: 'pubrec', messageId: slow.of('publish')[1]?.messageId ?? 0 })
    await until(() => expect(slow.of('pubrel')).toHaveLength(1))
    expect(textsOf(slow)).toHaveLength(3)
    slow.send({ cmd: 'pubcomp', messageId: slow.of('publish')[1]?.messageId ?? 0 })
    await until(() => expect(textsOf(slow)).toEqual(['1', '2', '3', '4']))
  })

  it('is kept to: nothing over its Maximum Packet Size', async () => {
    const small = await connected(5, 'small', { properties: { maximumPacketSize: 100 } })
    await subscribe(small, 'devices/a/x')
    const talker = await connected(5, 'talker')
    talker.send(publish('y'.repeat(200)), publish('z'.repeat(200), { qos: 0 }), publish('fits', { messageId: 2 }))
    await until(() => expect(textsOf(small)).toEqual(['fits']))
  })

  it('is made use of: topics are named by aliases', async () => {
    const short = await connected(5, 'short', { properties: { topicAliasMaximum: 1 } })
    await subscribe(short, 'devices/a/#')
    const talker = await connected(5, 'talker')
    const other = publish('3', { topic: 'devices/a/y', messageId: 3 })
    talker.send(publish('1'), publish('2', { messageId: 2 }), other)
    await until(() => expect(textsOf(short)).toEqual(['1', '2', '3']))
    expect(short.of('publish')).toMatchObject([
      { topic: 'devices/a/x', properties: { topicAlias: 1 } },
      { topic: '', properties: { topicAlias: 1 } },
      { topic: 'devices/a/y' },
    ])
  })
})

describe('what the server allows', () => {
  it('is announced, and more unacknowledged messages end the connection with 0x93', async () => {
    const raw = await connected(5, 'eager')
    const receiveMaximum = 1_000
    expect(raw.of('connack')).toMatchObject([{ properties: { receiveMaximum, topicAliasMaximum: 32 } }])
    for (let at = 1; at <= receiveMaximum; at++) raw.send(publish('1', { qos: 2, messageId: at }))
    await until(() => expect(raw.of('pubrec')).toHaveLength(receiveMaximum))
    raw.send(publish('again', { qos: 2, messageId: 1, dup: true }))
    await until(() => expect(raw.of('pubrec')).toHaveLength(receiveMaximum + 1))
    expect(raw.closed).toBe(false)
    raw.send(publish('1', { qos: 2, messageId: 2_000 }))
    await until(() => expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x93 }]))
  })

  it('is a topic alias for each topic: unknown and too large ones end the connection', async () => {
    const raw = await connected(5, 'alias')
    raw.send(publish('1', { properties: { topicAlias: 7 } }))
    raw.send(publish('2', { topic: '', messageId: 2, properties: { topicAlias: 7 } }))
    await until(() =>
      expect(adapter.platform.published.map(({ topic }) => topic)).toEqual(['devices/a/x', 'devices/a/x']),
    )
    raw.send(publish('3', { topic: '', messageId: 3, properties: { topicAlias: 8 } }))
    await until(() => expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x82 }]))
    const other = await connected(5, 'alias')
    other.send(publish('4', { properties: { topicAlias: 33 } }))
    await until(() => expect(other.of('disconnect')).toMatchObject([{ reasonCode: 0x94 }]))
  })
})

describe('a client with several filters', () => {
  it('gets one copy with every identifier, at the highest QoS granted', async () => {
    const raw = await connected(5, 'several')
    await subscribe(raw, 'devices/a/+', { qos: 0, properties: { subscriptionIdentifier: 1 } })
    await subscribe(raw, 'devices/a/#', { qos: 1, properties: { subscriptionIdentifier: 2 } })
    raw.send(publish('1', { qos: 2 }))
    await until(() => expect(textsOf(raw)).toEqual(['1']))
    const subscriptionIdentifier = expect.arrayContaining([1, 2])
    expect(raw.of('publish')).toMatchObject([{ qos: 1, properties: { subscriptionIdentifier } }])
    const other = await connected(5, 'other-way-round')
    await subscribe(other, 'devices/a/#', { qos: 0 })
    await subscribe(other, 'devices/a/+', { qos: 1 })
    raw.send(publish('2', { messageId: 2 }))
    await until(() => expect(other.of('publish')).toMatchObject([{ qos: 1 }]))
  })

  it('hears its own messages only where it has not said No Local', async () => {
    const raw = await connected(5, 'own')
    await subscribe(raw, 'devices/a/x', { nl: true })
    await subscribe(raw, 'devices/a/y')
    raw.send(publish('x'), publish('y', { topic: 'devices/a/y', messageId: 2 }))
    await until(() => expect(textsOf(raw)).toEqual(['y']))
  })
})

describe('the retain flag', () => {
  it('is passed on to those who ask for it as published, also from a kept session’s queue', async () => {
    const talker = await connected(5, 'talker')
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } }
    const asPublished = await connected(5, 'as-published', kept)
    await subscribe(asPublished, 'devices/a/x', { rap: true, rh: 2 })
    const plain = await connected(5, 'plain', kept)
    await subscribe(plain, 'devices/a/x', { rh: 2 })
    talker.send(publish('live', { retain: true }))
    for (const raw of [asPublished, plain]) {
      await until(() => expect(textsOf(raw)).toEqual(['live']))
      raw.send({ cmd: 'puback', messageId: raw.of('publish')[0]?.messageId ?? 0 }, { cmd: 'disconnect' })
      await until(() => expect(raw.closed).toBe(true))
    }
    expect([asPublished, plain].map((raw) => raw.of('publish'))).toMatchObject([
      [{ retain: true }],
      [{ retain: false }],
    ])
    talker.send(publish('queued', { retain: true, messageId: 2 }))
    await until(() => expect(talker.of('puback')).toHaveLength(2))
    const first = await connected(5, 'as-published', kept)
    const second = await connected(5, 'plain', kept)
    await until(() => expect(first.of('publish')).toMatchObject([{ retain: true }]))
    await until(() => expect(second.of('publish')).toMatchObject([{ retain: false }]))
  })

  it('is set on what a SUBSCRIBE finds, and Retain Handling is kept to', async () => {
    const talker = await connected(5, 'talker')
    talker.send(
      publish('value', { retain: true }),
      publish('deep', { topic: 'devices/a//y', messageId: 2, retain: true }),
    )
    await until(() => expect(talker.of('puback')).toHaveLength(2))
    const raw = await connected(5, 'finder')
    await subscribe(raw, 'devices/a/x', { rh: 2 })
    await subscribe(raw, 'devices/a/+/y')
    await until(() => expect(textsOf(raw)).toEqual(['deep']))
    await subscribe(raw, 'devices/a/x', { rh: 1 })
    await subscribe(raw, 'devices/a/x', { rh: 0 })
    await until(() => expect(textsOf(raw)).toEqual(['deep', 'value']))
    expect(raw.of('publish')).toMatchObject([{ retain: true }, { retain: true }])
  })
})

describe('a shared subscription', () => {
  it.each([4, 5] as const)('gives each message to one member, in turn (version %i)', async (version) => {
    const members = await Promise.all(['m1', 'm2'].map((id) => connected(version, id)))
    for (const member of members) await subscribe(member, '$share/g/devices/a/#')
    const talker = await connected(version, 'talker')
    for (let at = 1; at <= 10; at++) talker.send(publish(`${at}`, { messageId: at }))
    await until(() => expect(members.map((member) => textsOf(member).length)).toEqual([5, 5]))
    expect(members.flatMap(textsOf).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 10 }, (_, at) => `${at + 1}`),
    )
  })

  it('has no retained values, and waits for a kept member only when nobody is here', async () => {
    const talker = await connected(4, 'talker')
    talker.send(publish('kept', { retain: true }))
    const away = await connected(4, 'away', { clean: false })
    await subscribe(away, '$share/g/devices/a/#')
    away.send({ cmd: 'disconnect' })
    await until(() => expect(away.closed).toBe(true))
    const here = await connected(4, 'here')
    await subscribe(here, '$share/g/devices/a/#')
    talker.send(publish('1', { messageId: 2 }), publish('2', { messageId: 3 }))
    await until(() => expect(textsOf(here)).toEqual(['1', '2']))
    here.socket.destroy()
    await until(() => expect(adapter.platform.open_).toHaveLength(1))
    talker.send(publish('3', { messageId: 4 }))
    await until(() => expect(talker.of('puback')).toHaveLength(4))
    await restart()
    const back = await connected(4, 'away', { clean: false })
    await until(() => expect(textsOf(back)).toEqual(['3']))
  })
})

/** A subscriber that acknowledges what it gets, and whose connection is cut again and again. */
class CutSubscriber {
  readonly heard: string[] = []
  /** QoS 2: identifiers that are not completed; a message under one of them is the same message. */
  readonly #open = new Set<number>()
  #raw: RawClient | undefined
  #seen = 0

  async connect(): Promise<void> {
    const raw = await connected(4, 'cut', { clean: false })
    this.#raw = raw
    this.#seen = 0
    await subscribe(raw, 'devices/a/#', { qos: 2 })
  }

  /** Answers what has come since. */
  step(): void {
    const raw = this.#raw
    if (raw === undefined) return
    for (const packet of raw.packets.slice(this.#seen)) {
      const messageId = packet.messageId ?? 0
      if (packet.cmd === 'publish' && packet.qos === 1) {
        if (!this.heard.includes(textOf(packet))) this.heard.push(textOf(packet))
        raw.send({ cmd: 'puback', messageId })
      } else if (packet.cmd === 'publish') {
        if (!this.#open.has(messageId)) this.heard.push(textOf(packet))
        this.#open.add(messageId)
        raw.send({ cmd: 'pubrec', messageId })
      } else if (packet.cmd === 'pubrel') {
        this.#open.delete(messageId)
        raw.send({ cmd: 'pubcomp', messageId })
      }
    }
    this.#seen = raw.packets.length
  }

  cut(): void {
    this.step()
    this.#raw?.socket.destroy()
  }
}

describe('a kept session whose connection is cut again and again', () => {
  it('gets every acknowledged message, QoS 2 once, each publisher’s in order', { timeout: 30_000 }, async () => {
    const subscriber = new CutSubscriber()
    await subscriber.connect()
    const talkers = await Promise.all(
      [1, 2].map(async (qos) => {
        const raw = await connected(4, `talker-${qos}`)
        return { qos, raw, sent: 0, released: 0 }
      }),
    )
    const total = 600
    let cuts = 0
    for (let round = 0; talkers.some(({ sent }) => sent < total); round++) {
      for (const talker of talkers) {
        const to = Math.min(total, talker.sent + 20)
        while (talker.sent < to) {
          talker.sent++
          talker.raw.send(publish(`${talker.qos}:${talker.sent}`, { qos: talker.qos, messageId: talker.sent }))
        }
        const received = talker.raw.of('pubrec')
        for (; talker.released < received.length; talker.released++) {
          talker.raw.send({ cmd: 'pubrel', messageId: received[talker.released]?.messageId ?? 0 })
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 3))
      subscriber.step()
      if (round % 3 === 2) {
        subscriber.cut()
        cuts++
        await subscriber.connect()
      }
    }
    await until(() => {
      subscriber.step()
      expect(subscriber.heard.length).toBeGreaterThanOrEqual(2 * total)
    }, 10_000)
    const expected = Array.from({ length: total }, (_, at) => at + 1)
    for (const { qos } of talkers) {
      const heard = subscriber.heard.filter((text) => text.startsWith(`${qos}:`)).map((text) => Number(text.slice(2)))
      expect(heard).toEqual(expected)
    }
    expect(cuts).toBeGreaterThan(5)
  })

  it('goes on after a restart where it was: released messages are not sent again', async () => {
    const first = await connected(4, 'cut', { clean: false })
    await subscribe(first, 'devices/a/#', { qos: 2 })
    const talker = await connected(4, 'talker')
    for (let at = 1; at <= 3; at++) talker.send(publish(`${at}`, { qos: 2, messageId: at }))
    await until(() => expect(textsOf(first)).toEqual(['1', '2', '3']))
    const [one, two, three] = first.of('publish').map(({ messageId }) => messageId ?? 0)
    first.send({ cmd: 'pubrec', messageId: one ?? 0 }, { cmd: 'pubrec', messageId: two ?? 0 })
    await until(() => expect(first.of('pubrel')).toHaveLength(2))
    first.send({ cmd: 'pubcomp', messageId: one ?? 0 }, { cmd: 'pingreq' })
    await until(() => expect(first.of('pingresp')).toHaveLength(1))
    await restart()
    const again = await connected(4, 'cut', { clean: false })
    await until(() => expect(again.of('publish')).toMatchObject([{ messageId: three, dup: true }]))
    expect(again.of('pubrel')).toMatchObject([{ messageId: two }])
  })
})

it.each([true, false])(
  'a connection that is taken over leaves its session only when it was kept (clean: %s)',
  async (clean) => {
    const first = await connected(4, 'same', { clean })
    await subscribe(first, 'devices/a/x')
    const second = await connected(4, 'same', { clean: false })
    expect(second.of('connack')).toMatchObject([{ sessionPresent: !clean }])
    second.send(publish('1'))
    await until(() => expect(second.of('puback')).toHaveLength(1))
    await until(() => expect(textsOf(second)).toEqual(clean ? [] : ['1']))
  },
)

it('a client that hears itself has its acknowledgement first', async () => {
  const raw = await connected(4, 'own')
  await subscribe(raw, 'devices/a/x')
  raw.send(publish('1'))
  await until(() => expect(textsOf(raw)).toEqual(['1']))
  expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'puback', 'publish'])
})

it('a will on a reserved topic is refused as a publish would be', async () => {
  const raw = new RawClient(adapter.port, 5)
  raw.connect({ will: { topic: '$CONTROL/x', payload: Buffer.from('w'), qos: 0, retain: false } })
  await until(() => expect(raw.of('connack')).toMatchObject([{ reasonCode: 0x87 }]))
})

describe('time that goes on over a restart', () => {
  it('ends a kept session, and publishes a will whose delay is over', async () => {
    const properties = { sessionExpiryInterval: 1 }
    const short = await connected(5, 'short', { properties })
    const will = { topic: 'devices/a/status', payload: Buffer.from('gone'), qos: 1, retain: false }
    const dying = await connected(5, 'dying', {
      properties: { sessionExpiryInterval: 60 },
      will: { ...will, properties: { willDelayInterval: 1 } },
    })
    short.socket.destroy()
    dying.socket.destroy()
    await until(() => expect(adapter.platform.open_).toHaveLength(0))
    await restart()
    expect(adapter.platform.published).toEqual([])
    await until(() => expect(adapter.platform.published).toMatchObject([{ topic: 'devices/a/status', text: 'gone' }]))
    const again = await connected(5, 'short', { clean: false, properties })
    expect(again.of('connack')).toMatchObject([{ sessionPresent: false }])
    const patient = await connected(5, 'dying', { clean: false, properties: { sessionExpiryInterval: 60 } })
    expect(patient.of('connack')).toMatchObject([{ sessionPresent: true }])
  })

  it('does not publish the will of a client that is back in time', async () => {
    const properties = { sessionExpiryInterval: 60 }
    const will = { topic: 'devices/a/status', payload: Buffer.from('gone'), qos: 1, retain: false }
    const fields = { properties, will: { ...will, properties: { willDelayInterval: 1 } } }
    const one = await connected(5, 'back', fields)
    one.socket.destroy()
    await until(() => expect(adapter.platform.open_).toHaveLength(0))
    const two = await connected(5, 'back', { clean: false, properties })
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(adapter.platform.published).toEqual([])
    two.send({ cmd: 'disconnect' })
  })
})
