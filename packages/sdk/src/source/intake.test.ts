import { Value } from 'typebox/value'
import { expect, test, vi } from 'vitest'
import type { RefusedMessage } from '../contributions.ts'
import { Refused } from '../failures.ts'
import { toConfigSchema } from '../fields.ts'
import { createIntake } from './intake.ts'
import { compileMapping, type MappingConfig, mappingFields } from './mapping.ts'
import type { SourceMessage } from './source-message.ts'

const message = (n: number, value: unknown, more: Partial<SourceMessage> = {}): SourceMessage => ({
  id: `t:0:${n}`,
  where: `t[0]@${n}`,
  topic: 't',
  key: 'd',
  headers: new Map(),
  at: n * 1000,
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  isNamed: true,
  ...more,
})

/** A platform that refuses what the test says. */
function open(refuse: (device: string, text: string) => Error | undefined = () => undefined, config = {}) {
  const stop = new AbortController()
  const published: { device: string; text: string; key: string | undefined }[] = []
  const parked: RefusedMessage[] = []
  const made: string[] = []
  const troubles: (string | undefined)[] = []
  let taken = 0
  let room = 100
  const intake = createIntake({
    protocol: 'test',
    mapping: compileMapping(Value.Default(toConfigSchema(mappingFields), config) as MappingConfig),
    sessions: {
      async publishFor({ id }, _protocol, topic, bytes, how) {
        const text = Buffer.from(bytes).toString()
        const refused = refuse(id, text)
        if (refused) throw refused
        expect(topic).toBe(`devices/${id}/telemetry`)
        published.push({ device: id, text, key: how?.idempotencyKey })
      },
      refuse: () => undefined,
    },
    feed: () => ({
      async park(messages) {
        const kept = messages.slice(0, room)
        parked.push(...kept)
        return kept.length
      },
      createDevice: async ({ id, type, tags = [] }) => void made.push(`${id} ${type} ${tags.join('+')}`),
      report: (what) => void (taken += what.taken ?? 0),
    }),
    stop: stop.signal,
    trouble: (why) => void troubles.push(why),
  })
  return {
    intake,
    stop,
    published,
    parked,
    made,
    troubles,
    taken: () => taken,
    fill: () => void (room = 0),
  }
}
const refused = (reason: Refused['reason'], code: string) => new Refused(reason, code, 'test', `refused: ${code}`)

test('readings of one device go together, in order', async () => {
  const { intake, published, taken } = open()
  const unkept = await intake.take([message(1, { n: 1 }), message(2, { n: 2 }, { key: 'e' }), message(3, { n: 3 })])
  expect(unkept.size).toBe(0)
  expect(published.toSorted((a, b) => a.device.localeCompare(b.device))).toEqual([
    { device: 'd', text: '[{"ts":1,"values":{"n":1}},{"ts":3,"values":{"n":3}}]', key: undefined },
    { device: 'e', text: '{"ts":2,"values":{"n":2}}', key: undefined },
  ])
  expect(taken()).toBe(3)
})

test('one bad reading among many is the only one refused, and kept with its words', async () => {
  const { intake, published, parked, taken } = open((_, text) =>
    text.includes('"n":7}') ? refused('invalid', 'VALUE_OUT_OF_RANGE') : undefined,
  )
  await intake.take(Array.from({ length: 20 }, (_, n) => message(n + 1, { n: n + 1 })))
  expect(published.flatMap(({ text }) => [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n)))).toEqual([
    1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
  ])
  expect(parked).toEqual([
    {
      id: 't:0:7',
      reply: 'refused: VALUE_OUT_OF_RANGE',
      item: { where: 't[0]@7', topic: 't', key: 'd', at: 7000, value: '{"n":7}' },
    },
  ])
  expect(taken()).toBe(19)
})

test('what cannot be mapped is kept; what cannot be kept is said', async () => {
  const { intake, parked, fill } = open()
  await intake.take([message(1, '{'), message(2, { n: 2 })])
  expect(parked).toMatchObject([{ id: 't:0:1', item: { value: '{' } }])
  fill()
  const bad = message(3, '{')
  expect(await intake.take([bad])).toEqual(new Set([bad]))
})

test('a device that is not registered is refused, or made where that was said', async () => {
  const known = new Set<string>()
  const unknown = (device: string) => (known.has(device) ? undefined : refused('credentials', 'DEVICE_UNKNOWN'))
  const closed = open(unknown)
  await closed.intake.take([message(1, { n: 1 }), message(2, { n: 2 })])
  expect(closed.parked.map(({ reply }) => reply)).toEqual(['refused: DEVICE_UNKNOWN', 'refused: DEVICE_UNKNOWN'])
  const opened = open(
    (device) => {
      if (opened.made.length > 0) known.add(device)
      return unknown(device)
    },
    { createDevices: { type: 'meter', tags: 'of-{key}' } },
  )
  await opened.intake.take([message(1, { n: 1 })])
  expect(opened.made).toEqual(['d meter of-d'])
  expect(opened.published).toHaveLength(1)
})

test('a store that is away is waited for, and nothing is refused for it', async () => {
  let away = 2
  const { intake, published, parked, troubles } = open(() =>
    away-- > 0 ? refused('unavailable', 'STORE_UNAVAILABLE') : undefined,
  )
  await intake.take([message(1, { n: 1 })])
  expect(published).toHaveLength(1)
  expect(parked).toEqual([])
  expect(troubles).toEqual(['refused: STORE_UNAVAILABLE', 'refused: STORE_UNAVAILABLE', undefined])
})

test('a stop while it waits takes nothing', async () => {
  const { intake, stop, troubles } = open(() => refused('unavailable', 'STORE_UNAVAILABLE'))
  const taking = intake.take([message(1, { n: 1 })])
  const ended = expect(taking).rejects.toThrow(/./)
  await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(0))
  stop.abort()
  await ended
})

test('a reading without a time goes alone, with the id of its message where that stays the same', async () => {
  const { intake, published } = open()
  await intake.take([
    message(1, { n: 1 }, { at: undefined }),
    message(2, { n: 2 }, { at: undefined, isNamed: false }),
    message(3, { n: 3 }),
  ])
  expect(published.map(({ text, key }) => [text, key])).toEqual([
    ['{"n":1}', 'test:t:0:1'],
    ['{"n":2}', undefined],
    ['{"ts":3,"values":{"n":3}}', undefined],
  ])
})

test('a dead letter is taken again as a person has changed it', async () => {
  const { intake, published, parked } = open()
  await intake.take([message(1, '{"n":1')])
  await expect(intake.retake(parked[0]?.item ?? {})).rejects.toThrow('no JSON')
  await intake.retake({ ...parked[0]?.item, value: '{"n":1}' })
  expect(published[0]?.text).toBe('{"ts":1,"values":{"n":1}}')
})
