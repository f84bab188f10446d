import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toMessage, type Qos } from '../message.ts'
import { packMessage, unpackMessage } from './message-bytes.ts'
import { packDirect, unpackDirect } from './message-ways.ts'

const bytes = fc.uint8Array({ maxLength: 50 }).map((each) => Buffer.from(each))
const properties = fc.option(
  fc.record({
    correlationData: bytes,
    contentType: fc.string(),
    userProperties: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }),
    payloadFormatIndicator: fc.constantFrom(0, 1),
  }),
  { nil: undefined },
)

test('a message comes out of its bytes as it went in, whatever is in it', () => {
  const seed = Date.now()
  console.log(`message bytes: seed ${seed}`)
  const qos = fc.constantFrom<Qos>(0, 1, 2)
  const identifiers = fc.option(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { nil: undefined })
  fc.assert(
    fc.property(
      fc.string(),
      bytes,
      qos,
      qos,
      fc.boolean(),
      properties,
      identifiers,
      (topic, payload, own, granted, retain, more, ids) => {
        const message = {
          ...toMessage(topic, payload, own, retain, more, 'device/a/b'),
          expiresAtMs: retain ? 5 : undefined,
        }
        const packed = packDirect(
          'device/a/b',
          '$share/g/#',
          packMessage({ message, qos: granted, retain, identifiers: ids }),
        )
        const { direct, packed: inner } = unpackDirect(packed)
        expect(direct).toEqual({ client: 'device/a/b', name: '$share/g/#' })
        const { message: read, ...rest } = unpackMessage(inner)
        expect(rest).toEqual({ qos: granted, retain, identifiers: ids })
        expect({ ...read, payload: Buffer.from(read.payload) }).toEqual({ ...message, payload })
      },
    ),
    { seed, numRuns: 200 },
  )
})
