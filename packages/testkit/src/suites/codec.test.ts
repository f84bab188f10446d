import { describe } from 'vitest'
import tenths from '../../test/fixtures/codec-tenths.ts'
import { codecContract } from './codec.ts'

describe.for(['host', 'worker', 'process'] as const)('at %s level', (isolation) => {
  codecContract({
    plugin: tenths,
    options: {
      isolation,
      entry: new URL('../../test/fixtures/codec-tenths.ts', import.meta.url),
      manifest: { contributes: { codecs: [{ name: 'tenths', title: 'Tenths of a degree' }] } },
    },
    codec: 'tenths',
    payloads: [
      { bytes: Uint8Array.of(0x00, 0xd7), readings: [{ values: { temperature: 21.5 } }] },
      { bytes: Uint8Array.of(0xff, 0x9c, 0x5a), readings: [{ values: { temperature: -10, battery: 90 } }] },
      // A view into a larger buffer, as a network gives it.
      { bytes: new Uint8Array([9, 9, 0x01, 0x00, 9]).subarray(2, 4), readings: [{ values: { temperature: 25.6 } }] },
    ],
    malformed: [new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 2, 3, 4)],
  })
})
