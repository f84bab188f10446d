import type { BridgeRemote, RemoteMessage } from '@patchbay/testkit'
import mqtt, { type MqttClient } from 'mqtt'

export interface MqttRemoteOptions {
  url: string
  version: '3.1.1' | '5'
  stop?: () => Promise<void>
  start?: () => Promise<void>
  close: () => Promise<void>
}

/** A broker, with a client of the test's own that is subscribed to what the bridge sends there. */
export async function openMqttRemote({ url, version, stop, start, close }: MqttRemoteOptions): Promise<BridgeRemote> {
  const received: RemoteMessage[] = []
  const unique = Math.random().toString(36).slice(2, 8)
  const { username, password, protocol, host } = new URL(url)
  const open = async (): Promise<MqttClient> => {
    const client = mqtt.connect(url, {
      clientId: `watcher-${unique}`,
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 3600 },
      reconnectPeriod: 100,
    })
    client.on('message', (topic, bytes) => void received.push({ topic, bytes }))
    client.on('error', () => undefined)
    await new Promise((resolve) => client.once('connect', resolve))
    await client.subscribeAsync(`there/${unique}/#`, { qos: 1 })
    return client
  }
  const client = await open()
  return {
    config: () => ({
      url: `${protocol}//${host}`,
      clientId: `bridge-${unique}`,
      ...(username === '' ? {} : { username, password }),
      version,
      out: [{ from: 'here/#', to: `there/${unique}/#` }],
      in: [{ from: `back/${unique}/#`, to: 'in/#', qos: '1' }],
    }),
    outTopic: 'here/a',
    inTopic: 'in/b',
    received: () => received,
    async publish(bytes, mark) {
      const more = mark === undefined ? {} : { properties: { userProperties: { 'patchbay-passed': mark } } }
      await client.publishAsync(`back/${unique}/b`, Buffer.from(bytes), { qos: 1, ...more })
    },
    async wipe() {
      received.length = 0
    },
    ...(stop ? { stop } : {}),
    ...(start ? { start } : {}),
    async close() {
      await client.endAsync(true)
      await close()
    },
  }
}
