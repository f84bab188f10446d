import { expect, test } from 'vitest'
import { toAdapterProperties, toKeptProperties } from './message-properties.ts'

test('what MQTT 5 says of a message is kept as JSON, and comes back as it was', () => {
  const given = {
    contentType: 'application/cbor',
    responseTopic: 'answers/1',
    correlationData: Buffer.from([0, 255]),
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    userProperties: [
      ['a', '1'],
      ['a', '2'],
      ['__proto__', 'x'],
    ],
  }
  const kept = toKeptProperties({ ...given, forwarded: Buffer.from([1]), topicAlias: 3 })
  expect(JSON.parse(JSON.stringify(kept))).toEqual({ ...given, correlationData: 'AP8=' })
  expect(toAdapterProperties(kept ?? {})).toEqual(given)
})

test('nothing, and what is none of it, is nothing', () => {
  for (const given of [undefined, null, 'text', {}, { userProperties: [['a']] }, { messageExpiryInterval: -1 }])
    expect(toKeptProperties(given)).toBeUndefined()
})
