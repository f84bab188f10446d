import { bridgeContract, openOutage } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { noMosquitto, startMosquitto } from './mosquitto.ts'
import { openMqttRemote } from './mqtt-remote.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
const badConfigs = [
  { url: 'http://nowhere' },
  { url: 'mqtt://169.254.169.254' },
  { out: [], in: [] },
  { out: [{ from: 'a/b#', to: 'c' }] },
  { out: [{ from: 'a/+', to: 'b/+/+' }] },
  { tls: { cert: 'no pem' } },
]

describe.skipIf(noMosquitto !== undefined)(`Mosquitto${noMosquitto === undefined ? '' : `, ${noMosquitto}`}`, () => {
  const remote = (version: '3.1.1' | '5') => async () => {
    const broker = await startMosquitto()
    return openMqttRemote({
      url: `mqtt://127.0.0.1:${broker.port}`,
      version,
      stop: broker.kill,
      start: broker.start,
      close: broker.stop,
    })
  }
  describe('MQTT 5', () => {
    // Two kills of Mosquitto are in each run of the server's bridge-kill.test.ts.
    const kills = isLong ? 10 : 0
    bridgeContract({ plugin, manifest, bridge: 'mqtt', remote: remote('5'), badConfigs, marks: true, kills })
  })
  // A worker and a process of it take twice the time: they are for the long run.
  describe.skipIf(!isLong)('MQTT 3.1.1, in a worker', () => {
    bridgeContract({
      plugin,
      manifest,
      bridge: 'mqtt',
      isolation: 'worker',
      remote: remote('3.1.1'),
      badConfigs: [],
      marks: false,
    })
  })
})

const rabbitUrl = process.env['RABBITMQ_MQTT_URL']
const word = rabbitUrl === undefined ? ', skipped, no RABBITMQ_MQTT_URL' : ''
describe.skipIf(rabbitUrl === undefined)(`RabbitMQ${word}`, () => {
  bridgeContract({
    plugin,
    manifest,
    bridge: 'mqtt',
    async remote() {
      const outage = await openOutage('rabbitmq', rabbitUrl ?? '')
      return openMqttRemote({ ...outage, version: '5' })
    },
    badConfigs: [],
    wrong: [{ config: { username: 'nobody', password: 'the-wrong-password' }, says: /0x8[67]/ }],
    secrets: ['the-wrong-password'],
    marks: true,
    recoverMs: 60_000,
  })
})
