import { definePlugin } from '@patchbay/sdk'
import { codecContract } from './codec.ts'

/** Two bytes: tenths of a degree, big endian, signed; a third one is the battery in percent. */
const tenths = definePlugin({
  config: {},
  setup(ctx) {
    ctx.codec('tenths', {
      decode(bytes) {
        if (bytes.length < 2 || bytes.length > 3) throw new RangeError('expected two or three bytes')
        const temperature = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt16(0) / 10
        return [{ values: bytes.length === 3 ? { temperature, battery: bytes[2] } : { temperature } }]
      },
    })
  },
})

codecContract({
  plugin: tenths,
  options: { manifest: { contributes: { codecs: [{ name: 'tenths', title: 'Tenths of a degree' }] } } },
  codec: 'tenths',
  payloads: [
    { bytes: Uint8Array.of(0x00, 0xd7), readings: [{ values: { temperature: 21.5 } }] },
    { bytes: Uint8Array.of(0xff, 0x9c, 0x5a), readings: [{ values: { temperature: -10, battery: 90 } }] },
    // A view into a larger buffer, as a network gives it.
    { bytes: new Uint8Array([9, 9, 0x01, 0x00, 9]).subarray(2, 4), readings: [{ values: { temperature: 25.6 } }] },
  ],
  malformed: [new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 2, 3, 4)],
})
