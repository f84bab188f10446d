import { codecContract } from '@patchbay/testkit'
import plugin from './index.ts'

codecContract({
  plugin,
  options: { manifest: new URL('../plugin.json', import.meta.url) },
  codec: 'my-plugin',
  payloads: [{ bytes: Uint8Array.of(0x00, 0xd7), readings: [{ values: { temperature: 21.5 } }] }],
  malformed: [Uint8Array.of(), Uint8Array.of(1, 2, 3)],
})
