// oxlint-disable vitest/no-conditional-expect, vitest/expect-expect, typescript/no-unsafe-type-assertion -- properties look at what came of their inputs
import { encode } from 'cborg'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryTelemetry } from '../../test/memory-telemetry.ts'
import type { TypeRecord } from '../devices/port.ts'
import { isRefused } from '../refused.ts'
import type { Point } from '../telemetry/port.ts'
import { createArrivalClock } from './arrival-clock.ts'
import { Columns } from './columns.ts'
import { createDecoder, type Codec } from './decode.ts'
import { createDeviceIngestPool } from './device-ingest.ts'
import { ingestLimits } from './limits.ts'
import { readPlainNumber } from './plain-number.ts'

const nowMicros = 1_760_000_000_000_000
const nowMs = nowMicros / 1000
const clock = { nowMicros: () => nowMicros, monotonicMs: () => 0, after: () => () => {} }

const typeOf = (more: Partial<TypeRecord>): TypeRecord => ({
  id: 't',
  keys: [],
  strict: false,
  codec: 'json',
  heartbeatSeconds: 300,
  createdAt: '2025-10-09T08:53:20Z',
  ...more,
})

async function bench(type?: TypeRecord, codecs: Record<string, Codec> = {}) {
  const telemetry = createMemoryTelemetry()
  const pool = createDeviceIngestPool(telemetry)
  const ingest = await pool.acquire('d', type)
  const decoder = createDecoder({
    arrival: createArrivalClock(clock),
    nowMicros: clock.nowMicros,
    codecs: (name) => codecs[name],
  })
  return {
    ingest,
    pool,
    take: async (
      payload: string | Uint8Array,
      how: { key?: string; plain?: boolean; contentType?: string } = {},
    ): Promise<Point[] | string> => {
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
      const columns = new Columns(1)
      const source = { ingest, topic: 'devices/d/telemetry', key: how.key, plain: how.plain ?? false }
      try {
        const decoded = decoder.decode(source, bytes, how.contentType, columns)
        if (typeof decoded !== 'number') (await decoded)(columns)
      } catch (error) {
        if (!isRefused(error)) throw error
        return error.code
      }
      await telemetry.deleteDevice('nobody')
      const before = new Set(telemetry.points('d').map((point) => JSON.stringify(point)))
      await telemetry.append(columns.toBatch())
      return telemetry.points('d').filter((point) => !before.has(JSON.stringify(point)))
    },
  }
}

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const keysOf = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`

describe('the forms of devices/{id}/telemetry', () => {
  const at = nowMicros
  test.each<[string, Point[] | string]>([
    ['{"temperature":21.5}', [{ key: 'temperature', at, value: 21.5 }]],
    [
      '{"ts":1700000000000.5,"values":{"a":1,"b":"x"}}',
      [
        { key: 'a', at: 1_700_000_000_000_500, value: 1 },
        { key: 'b', at: 1_700_000_000_000_500, value: 'x' },
      ],
    ],
    [
      '[{"a":1},{"ts":1,"values":{"a":2}},{"a":3}]',
      [
        { key: 'a', at: 1000, value: 2 },
        { key: 'a', at, value: 1 },
        { key: 'a', at: at + 1, value: 3 },
      ],
    ],
    [
      '{"on":true,"off":false,"gone":null}',
      [
        { key: 'off', at, value: false },
        { key: 'on', at, value: true },
      ],
    ],
    ['{"pos":{"lat":1,"lon":[2,3]}}', [{ key: 'pos', at, value: { lat: 1, lon: [2, 3] } }]],
    ['{"ts":5}', [{ key: 'ts', at, value: 5 }]],
    [
      '{"ts":"now","values":{"a":1}}',
      [
        { key: 'ts', at, value: 'now' },
        { key: 'values', at, value: { a: 1 } },
      ],
    ],
    ['{"a":1,"a":2}', [{ key: 'a', at, value: 2 }]],
    ['{"a":9007199254740992}', [{ key: 'a', at, value: 9007199254740992 }]],
    ['{"a":1e300}', [{ key: 'a', at, value: 1e300 }]],
    ['{"grad":"21 °C 😀"}', [{ key: 'grad', at, value: '21 °C 😀' }]],
    [String.raw`{"a":"\ud83d\ude00"}`, [{ key: 'a', at, value: '😀' }]],
    ['{"constructor":1}', [{ key: 'constructor', at, value: 1 }]],
    ['{}', []],
    ['[]', []],
    ['{"a":null}', []],
    ['', 'PAYLOAD_MALFORMED'],
    ['not json', 'PAYLOAD_MALFORMED'],
    ['{"a":NaN}', 'PAYLOAD_MALFORMED'],
    ['{"a":1,}', 'PAYLOAD_MALFORMED'],
    ['{"a":01}', 'PAYLOAD_MALFORMED'],
    ['{"a":"', 'PAYLOAD_MALFORMED'],
    ['\uFEFF{"a":1}', 'PAYLOAD_MALFORMED'],
    ['21.5', 'PAYLOAD_INVALID'],
    ['null', 'PAYLOAD_INVALID'],
    ['"text"', 'PAYLOAD_INVALID'],
    ['[1]', 'PAYLOAD_INVALID'],
    ['[[{"a":1}]]', 'PAYLOAD_INVALID'],
    ['[{"a":1},null]', 'PAYLOAD_INVALID'],
    ['{"":1}', 'PAYLOAD_INVALID'],
    [`{"${'k'.repeat(129)}":1}`, 'PAYLOAD_INVALID'],
    ['{"ts":1,"values":{"a":1},"b":2}', 'PAYLOAD_INVALID'],
    ['{"a":1e400}', 'PAYLOAD_INVALID'],
    ['{"a":-1e400}', 'PAYLOAD_INVALID'],
    ['{"a":{"b":[1e999]}}', 'PAYLOAD_INVALID'],
    ['{"a":9007199254740993}', 'PAYLOAD_INVALID'],
    ['{"a":-9007199254740993}', 'PAYLOAD_INVALID'],
    ['{"a":[123456789012345678901234567890]}', 'PAYLOAD_INVALID'],
    [String.raw`{"a":"\ud800"}`, 'PAYLOAD_INVALID'],
    [String.raw`{"a":"\udc00x"}`, 'PAYLOAD_INVALID'],
    [String.raw`{"\ud800":1}`, 'PAYLOAD_INVALID'],
    ['{"ts":-1,"values":{"a":1}}', 'TIME_INVALID'],
    [`{"ts":${nowMs + 24 * 3600 * 1000 + 1},"values":{"a":1}}`, 'TIME_INVALID'],
    ['{"ts":1e300,"values":{"a":1}}', 'TIME_INVALID'],
  ])('%s', async (payload, expected) => {
    const { take } = await bench()
    expect(await take(payload)).toEqual(expected)
  })

  test('refuses bytes that are not UTF-8', async () => {
    const { take } = await bench()
    expect(await take(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe('PAYLOAD_MALFORMED')
  })

  test('keeps __proto__ a key like others and the prototype clean', async () => {
    const { take } = await bench()
    const points = await take('{"__proto__":{"polluted":true},"a":1}')
    expect(points).toHaveLength(2)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  test('a bad item refuses the whole message and makes no series', async () => {
    const { take, ingest } = await bench()
    expect(await take('[{"fresh":1},{"ts":-1,"values":{"other":1}}]')).toBe('TIME_INVALID')
    expect(ingest.series.keys.size).toBe(0)
  })

  test('takes as many keys a device as permitted, and not one more', async () => {
    const { take } = await bench()
    expect(await take(keysOf(ingestLimits.keysPerDevice))).toHaveLength(ingestLimits.keysPerDevice)
    expect(await take('{"one more":1}')).toBe('KEYS_EXCEEDED')
    expect(await take('{"k0":2}')).toHaveLength(1)
    const { take: takeTwice } = await bench()
    expect(await takeTwice(`[${keysOf(1500)},${keysOf(400).replaceAll('k', 'x')}]`)).toHaveLength(1900)
    expect(await takeTwice(`[${keysOf(60).replaceAll('k', 'y')},${keysOf(60).replaceAll('k', 'z')}]`)).toBe(
      'KEYS_EXCEEDED',
    )
  })

  test('takes a batch of as many timed readings as permitted', async () => {
    const { take } = await bench()
    const item = (_: unknown, i: number) => `{"ts":${i},"values":{"a":${i}}}`
    const most = ingestLimits.itemsPerMessage
    expect(await take(`[${Array.from({ length: most }, item).join(',')}]`)).toHaveLength(most)
    expect(await take(`[${Array.from({ length: most + 1 }, item).join(',')}]`)).toBe('PAYLOAD_INVALID')
  })
})

describe('payload bombs', () => {
  test.each([10, 31])('%i levels below the key are taken', async (depth) => {
    const { take } = await bench()
    expect(await take(`{"a":${deep(depth)}}`)).toHaveLength(1)
  })
  test.each([32, 1000, 100_000])('%i levels below the key are refused', async (depth) => {
    const { take } = await bench()
    expect(await take(`{"a":${deep(depth)}}`)).toBe('PAYLOAD_INVALID')
    expect(await take('{"a":'.repeat(depth))).toMatch(/^PAYLOAD_/)
  })
  test('a million levels or keys are too large, and many keys are too many', async () => {
    const { take } = await bench()
    expect(await take(deep(1_000_000))).toBe('PAYLOAD_TOO_LARGE')
    expect(await take(keysOf(1_000_000))).toBe('PAYLOAD_TOO_LARGE')
    expect(await take(keysOf(2001))).toBe('PAYLOAD_INVALID')
    expect(await take(`{"a":[${Array.from({ length: 2001 }, () => '{"b":1}').join(',')}]}`)).toBe('PAYLOAD_INVALID')
  })
  test('no payload of 256 KiB holds up the loop', async () => {
    const { take } = await bench()
    const size = ingestLimits.packetBytes - 10
    const payloads = [
      '['.repeat(size),
      '{"a":"' + '\\u0041'.repeat(size / 6 - 2) + '"}',
      '9'.repeat(size),
      '"'.repeat(size),
    ]
    payloads.push(
      `{"a":[${'1,'.repeat(size / 2 - 10)}1]}`,
      '1e'.repeat(size / 2),
      ':'.repeat(size),
      '{"a":"é'.repeat(size / 9),
    )
    await take(payloads[1]!)
    const slow: number[] = []
    for (const payload of payloads) {
      const began = performance.now()
      await take(payload)
      slow.push(performance.now() - began)
    }
    // The figure is 20 ms; a busy machine may lose a time slice on top.
    expect(Math.max(...slow)).toBeLessThan(60)
  })
  test('agrees with JSON.parse on everything that it takes', async () => {
    const { take } = await bench()
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1, unit: 'binary' }), fc.jsonValue({ maxDepth: 5 }), { maxKeys: 8 }),
        async (values) => {
          const text = JSON.stringify(values)
          const points = await take(`{"ts":7,"values":${text}}`)
          const parsed = JSON.parse(text) as Record<string, unknown>
          if (typeof points === 'string') expect(points).toMatch(/PAYLOAD_INVALID|KEYS_EXCEEDED/)
          else for (const { key, value } of points) expect(value).toEqual(parsed[key])
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('topics that name a key', () => {
  test.each<[string, unknown]>([
    ['21.5', 21.5],
    ['true', true],
    ['"open"', 'open'],
    ['{"a":[1]}', { a: [1] }],
    ['{"ts":1,"values":{"a":1}}', { ts: 1, values: { a: 1 } }],
  ])('devices/{id}/telemetry/{key} takes %s', async (payload, value) => {
    const { take } = await bench()
    expect(await take(payload, { key: 'k' })).toEqual([{ key: 'k', at: nowMicros, value }])
  })
  test('and refuses text that is no JSON', async () => {
    const { take } = await bench()
    expect(await take('open', { key: 'k' })).toBe('PAYLOAD_MALFORMED')
    expect(await take('null', { key: 'k' })).toEqual([])
  })
  test.each<[string, number | string]>([
    ['21.5', 21.5],
    ['-0.25', -0.25],
    [' 7\n', 7],
    ['1e3', 1000],
    ['0.1234567890123456789', Number('0.1234567890123456789')],
    ['true', 'PAYLOAD_INVALID'],
    ['"1"', 'PAYLOAD_INVALID'],
    ['{"a":1}', 'PAYLOAD_INVALID'],
    ['null', 'PAYLOAD_INVALID'],
    ['1e400', 'PAYLOAD_INVALID'],
    ['007', 'PAYLOAD_MALFORMED'],
    ['1.', 'PAYLOAD_MALFORMED'],
    ['.5', 'PAYLOAD_MALFORMED'],
    ['1 2', 'PAYLOAD_MALFORMED'],
    ['', 'PAYLOAD_MALFORMED'],
    ['warm', 'PAYLOAD_MALFORMED'],
  ])('sensors/{id}/{measurement} makes %j to %j', async (payload, expected) => {
    const { take } = await bench()
    const points = await take(payload, { key: 'm', plain: true })
    expect(typeof points === 'string' ? points : points[0]?.value).toBe(expected)
  })
  test('reads plain numbers as Number does, to the last bit', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.float({ noNaN: true, noDefaultInfinity: true }),
          fc.integer(),
        ),
        (value) => {
          for (const text of [String(value), value.toFixed(3)]) {
            const read = readPlainNumber(Buffer.from(text))
            if (!Number.isNaN(read)) expect(read).toBe(Number(text))
          }
        },
      ),
    )
  })
})

describe('codecs', () => {
  test('CBOR comes by content type or by the device type', async () => {
    const { take } = await bench()
    const bytes = encode({ temperature: 21.5, on: true, tags: ['a'] })
    expect(await take(bytes, { contentType: 'application/cbor; charset=x' })).toHaveLength(3)
    const { take: byType } = await bench(typeOf({ codec: 'cbor' }))
    expect(await byType(encode([{ a: 1 }, { ts: 1, values: { a: 2 } }]))).toHaveLength(2)
  })
  test.each<[string, string, string]>([
    ['a tag', 'a1616101'.replace('01', 'c001'), 'PAYLOAD_INVALID'],
    ['a number key', 'a10101', 'PAYLOAD_INVALID'],
    ['a big integer', 'a161611b0020000000000001', 'PAYLOAD_INVALID'],
    ['Infinity', 'a16161f97c00', 'PAYLOAD_INVALID'],
    ['NaN', 'a16161fb7ff8000000000000', 'PAYLOAD_INVALID'],
    ['bytes', 'a161614101', 'PAYLOAD_INVALID'],
    ['33 levels', `a16161${'81'.repeat(32)}01`, 'PAYLOAD_INVALID'],
    ['100,000 levels', '9f'.repeat(100_000), 'PAYLOAD_INVALID'],
    ['an announced length without bytes', '9affffffff', 'PAYLOAD_MALFORMED'],
    ['a huge map', 'bbffffffffffffffff', 'PAYLOAD_MALFORMED'],
    ['more values than permitted', `9f${'80'.repeat(ingestLimits.cborItems)}ff`, 'PAYLOAD_INVALID'],
    ['a cut', 'a1616118', 'PAYLOAD_MALFORMED'],
    ['something after its end', 'a1616101ff', 'PAYLOAD_MALFORMED'],
    ['bad UTF-8', 'a161ff01', 'PAYLOAD_MALFORMED'],
    ['a break at the top', 'ff', 'PAYLOAD_MALFORMED'],
    ['nothing', '', 'PAYLOAD_MALFORMED'],
  ])('refuses CBOR with %s', async (_, hex, code) => {
    const { take } = await bench()
    expect(await take(Buffer.from(hex, 'hex'), { contentType: 'application/cbor' })).toBe(code)
  })
  test('no bytes make CBOR throw anything but a refusal', async () => {
    const { take } = await bench()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        await take(bytes, { contentType: 'application/cbor' })
        await take(bytes)
      }),
      { numRuns: 500 },
    )
  })
  test('scalar takes one value, and any other text as text', async () => {
    const { take } = await bench(typeOf({ codec: 'scalar' }))
    for (const [payload, value] of [
      ['21.5', 21.5],
      ['true', true],
      ['open', 'open'],
      ['"open"', 'open'],
      ['1-2', undefined],
    ] as const) {
      const points = await take(payload, { key: 'k' })
      expect(typeof points === 'string' ? undefined : points[0]?.value).toBe(value)
    }
    expect(await take('5')).toEqual([{ key: 'value', at: expect.any(Number), value: 5 }])
  })
  test.each(['at once', 'later'])('a codec plugin that answers %s is held to the same limits', async (when) => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const answers: Record<string, unknown> = {
      ok: [{ at: 5, values: { a: 1 } }],
      late: [{ at: 1e20, values: { a: 1 } }],
    }
    answers['nan'] = [{ values: { a: Number.NaN } }]
    answers['cycle'] = [{ values: { a: cycle } }]
    answers['none'] = undefined
    const codec = {
      decode: (bytes: Uint8Array) => (bytes.length === 0 ? JSON.parse('') : answers[String(bytes)]) as never,
    }
    const apart = { decode: async (bytes: Uint8Array) => codec.decode(bytes) }
    const { take } = await bench(typeOf({ codec: 'lora' }), { lora: when === 'later' ? apart : codec })
    const outcomes = await Promise.all(['ok', 'late', 'nan', 'cycle', 'none', ''].map((payload) => take(payload)))
    expect(outcomes).toEqual([
      [{ key: 'a', at: 5, value: 1 }],
      'TIME_INVALID',
      'PAYLOAD_INVALID',
      'PAYLOAD_INVALID',
      'PAYLOAD_INVALID',
      'PAYLOAD_MALFORMED',
    ])
    const { take: without } = await bench(typeOf({ codec: 'lora' }))
    expect(await without('ok')).toBe('STORE_UNAVAILABLE')
  })
})

describe('device types', () => {
  const keys = [{ key: 'temperature', kind: 'number' as const, minimum: -40, maximum: 85 }]
  test('values that do not fit are stored and counted', async () => {
    const { take, pool, ingest } = await bench(typeOf({ keys }))
    expect(await take('{"temperature":200,"other":1}')).toHaveLength(2)
    expect(await take('{"temperature":"hot"}')).toHaveLength(1)
    expect(pool.misfits().get('t')).toEqual({ undeclared: 1, outOfRange: 2 })
    expect(ingest.misfits).toEqual({ undeclared: 1, outOfRange: 2 })
  })
  test('a strict type refuses them', async () => {
    const { take } = await bench(typeOf({ keys, strict: true }))
    expect(await take('{"temperature":85,"other":1}')).toBe('KEY_UNDECLARED')
    expect(await take('{"temperature":85.1}')).toBe('VALUE_OUT_OF_RANGE')
    expect(await take('{"temperature":true}')).toBe('VALUE_OUT_OF_RANGE')
    expect(await take('{"temperature":85}')).toHaveLength(1)
  })
})
