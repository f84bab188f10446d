import type { PluginManifest } from '@patchbay/contracts/plugin'
import { expect, test } from 'vitest'
import { toProtocolRows } from './protocols.ts'

test('each adapter stands there with the ports of its own that are open', () => {
  const manifest = { contributes: { adapters: [{ name: 'mqtt', title: 'MQTT', directions: ['up'] }] } }
  const rows = toProtocolRows(
    [
      {
        id: 'adapter-mqtt',
        manifest: manifest as unknown as PluginManifest,
        instances: [{ name: 'default', enabled: true, state: 'running' }],
      },
      { id: 'alert-web', instances: [{ name: 'inbox', enabled: true, state: 'running' }] },
    ],
    [
      { name: 'main', port: 8080, tls: 'detected', state: 'listening' },
      { name: 'mqtt', port: 1883, tls: 'never', state: 'degraded' },
      { name: 'mqtts', port: 0, tls: 'always', state: 'off' },
    ],
  )
  expect(rows).toEqual([
    {
      plugin: 'adapter-mqtt',
      title: 'MQTT',
      instance: 'default',
      enabled: true,
      state: 'running',
      ports: [{ port: 1883, tls: 'never', transport: 'tcp' }],
    },
  ])
})
