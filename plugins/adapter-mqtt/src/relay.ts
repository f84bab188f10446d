import type { Aedes } from 'aedes'
import type { Accepted, Broker, Retained } from '@patchbay/sdk'
import { toClientName } from './client-name.ts'
import type { BrokerStore } from './persistence/broker-store.ts'
import { payloadBytes } from './persistence/stored-packet.ts'

/** What the broker gives the platform: messages of other protocols come in here, retained values are read and cleared. */
export const createRelay = (aedes: Aedes, store: BrokerStore): Broker => ({
  deliver: (message) =>
    new Promise((resolve, reject) => {
      aedes.publish(toPacket(message), (error) => (error ? reject(error) : resolve()))
    }),
  async retained(query) {
    return store.retained
      .page(query)
      .map((packet): Retained => ({ topic: packet.topic, bytes: payloadBytes(packet), qos: packet.qos }))
  },
  clearRetained: (topic) => store.retained.clear(topic),
  async forget(device) {
    const owner = toClientName('device', device, '').slice(0, -1)
    await Promise.all([
      ...store.sessions.ofOwner(owner).map((client) => store.endSession(client)),
      store.retained.forget(owner),
      ...store.wills.ofOwner(owner).map((client) => store.wills.delete(client)),
    ])
  },
})

function toPacket(message: Accepted) {
  return {
    cmd: 'publish' as const,
    topic: message.topic,
    payload: Buffer.from(message.bytes),
    qos: message.qos,
    retain: message.retain,
    dup: false,
    clientId: toClientName('relay', message.from, message.protocol),
  }
}
