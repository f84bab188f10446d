import type { Accepted, Broker, Retained } from '@patchbay/sdk'
import type { Bus } from './bus.ts'
import { toClientName } from './client-name.ts'
import { toMessage } from './message.ts'
import type { BrokerStore } from './persistence/broker-store.ts'
import type { Router } from './router.ts'
import type { Wills } from './wills.ts'

interface Parts {
  router: Router
  bus: Bus
  store: BrokerStore
  wills: Wills
}

/** What the broker gives the platform: messages of other protocols come in here, retained values are read and cleared. */
export const createRelay = ({ router, bus, store, wills }: Parts): Broker => ({
  async deliver({ topic, bytes, qos, retain, from, protocol }: Accepted) {
    const route = router.route(topic)
    if (!retain && route.targets.length === 0 && route.groups.length === 0) return
    const message = toMessage(topic, Buffer.from(bytes), qos, retain, undefined, toClientName('relay', from, protocol))
    await bus.send(message)
  },
  async retained(query) {
    return store.retained
      .page(query)
      .map((message): Retained => ({ topic: message.topic, bytes: message.payload, qos: message.qos }))
  },
  async clearRetained(topic) {
    const had = await store.retained.clear(topic)
    await store.writer.shared?.applied()
    return had
  },
  async forget(device) {
    const owner = toClientName('device', device, '').slice(0, -1)
    // what other nodes have of it is known here
    await store.writer.shared?.applied()
    const sessions = Array.from(router.sessions.values()).filter(({ name }) => name.startsWith(`${owner}/`))
    const elsewhere = Array.from(router.foreign.keys()).filter((name) => name.startsWith(`${owner}/`))
    await Promise.all([
      ...elsewhere.map((name) => store.endSession(name)),
      ...sessions.map((session) => {
        session.client?.end()
        return router.end(session)
      }),
      store.retained.forget(owner),
      wills.forget(owner),
    ])
    await store.writer.shared?.applied()
  },
})
