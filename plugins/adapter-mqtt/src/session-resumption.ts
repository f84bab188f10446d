import type { Adapter } from './adapter.ts'
import { BrokerSession } from './broker-session.ts'
import type { Client } from './client.ts'
import { Dropped } from './dropped.ts'
import { storeUnavailable } from './errors.ts'
import { reasonCodes } from './refusal-words.ts'
import { followPlatform } from './subscribing.ts'
import type { Connect } from './wire/connect.ts'

export interface Resumption {
  isPresent: boolean
  /** To be called once the CONNACK is on its way: what has waited follows it. */
  restore: () => void
}

/** Gives the client the session it had, or a new one. [MQTT-3.1.2-4] to [MQTT-3.1.2-6] */
export async function resumeSession(
  adapter: Adapter,
  client: Client,
  name: string,
  connect: Connect,
): Promise<Resumption> {
  const { router, store, wills, shared } = adapter
  // whichever node has the session lets it go first
  await shared?.claim(name)
  if (client.closed) {
    shared?.abandon(name)
    throw storeUnavailable()
  }
  const before = router.sessions.get(name)
  // [MQTT-3.1.4-3] the same client id again: the older connection ends; its session is still wanted
  const older = before?.client
  if (before !== undefined) before.client = client
  older?.end(reasonCodes.takenOver)
  before?.outbound.detach()
  // [MQTT 5, 3.1.2.11.2] a session without an expiry ends with its connection, also when that ends by this one
  const lives = older === undefined ? store.hasSession(name) : older.sessionExpirySeconds > 0
  const isPresent = before !== undefined && !connect.clean && lives
  const waiting: Promise<unknown>[] = []
  // [MQTT 5, 3.1.3.2.2] a will is sent when its session ends, and not when it goes on
  waiting.push(isPresent ? wills.cancel(name) : wills.hurry(name))
  await shared?.settleWill(name, isPresent)
  if (before !== undefined && !isPresent) waiting.push(router.end(before))
  const session = isPresent && before !== undefined ? before : newSession(adapter, name)
  session.client = client
  client.brokerSession = session
  if (client.sessionExpirySeconds > 0) {
    session.durable = true
    shared?.feed(session)
    store.sessions.connected(name, client.sessionExpirySeconds)
  }
  if (connect.will !== undefined) waiting.push(wills.keep(client, name, connect.will))
  await Promise.all(waiting)
  const restore = () => {
    if (session.client !== client) return
    session.outbound.attach(client)
    for (const subscription of session.subscriptions.values()) followPlatform(adapter, client, subscription)
  }
  return { isPresent, restore }
}

export function newSession(adapter: Pick<Adapter, 'router' | 'store' | 'sessions'>, name: string): BrokerSession {
  const session = new BrokerSession(name, adapter.store.outgoing, new Dropped(adapter.sessions, name))
  adapter.router.sessions.set(name, session)
  return session
}
