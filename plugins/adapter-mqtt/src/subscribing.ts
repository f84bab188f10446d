import { isRefused, type RefusedError } from '@patchbay/sdk'
import { recordRefusal, type Adapter } from './adapter.ts'
import type { BrokerSession, Subscription } from './broker-session.ts'
import type { Client } from './client.ts'
import { badFilter, denied, notOpen, storeUnavailable, tooManySubscriptions } from './errors.ts'
import { isOpen } from './open-topics.ts'
import { reasonCodes, subackOf } from './refusal-words.ts'
import { limitProblem, matchesFilter } from './topics.ts'
import { turnNowMs } from './turn-clock.ts'
import { packetTypes } from './wire/framing.ts'
import { writeSubscriptionAnswer, type FilterRequest, type Subscribe } from './wire/subscription.ts'

/** An answer of the authoriser to a delivery is good for this long. */
const mayReceiveMs = 1_000
const maxRemembered = 500

/** Grants filters or answers them with a reason code; the connection stays. Nothing more is read until the SUBACK is on its way. */
export function takeSubscribe(adapter: Adapter, client: Client, packet: Subscribe): void {
  client.wait('subscribe')
  void answer(adapter, client, packet)
}

async function answer(adapter: Adapter, client: Client, { messageId, identifier, requests }: Subscribe): Promise<void> {
  const session = client.brokerSession
  if (session === undefined) return
  const codes: number[] = []
  const granted: { subscription: Subscription; request: FilterRequest; isNew: boolean }[] = []
  let durable: Promise<void> | undefined
  for (const request of requests) {
    try {
      const { byProvider } = await authorize(adapter, client, session, request)
      if (client.closed) return
      const { subscription, isNew } = grant(adapter, session, request, identifier, byProvider)
      const isShared = adapter.store.writer.shared !== undefined
      if (session.durable || isShared) durable = adapter.store.subscriptions.add(session.name, subscription)
      granted.push({ subscription, request, isNew })
      codes.push(subscription.qos)
    } catch (error) {
      if (!isRefused(error)) adapter.log.error('a subscribe failed', { error: String(error) })
      const refused = isRefused(error) ? error : storeUnavailable(error)
      // [MQTT-3.9.3-2] of 3.1.1 has one code for every failure
      codes.push(client.version === 5 ? subackOf(refused) : 0x80)
    }
  }
  try {
    await durable
    // after the SUBACK no node acknowledges a message without having this session in mind
    await adapter.store.writer.shared?.known()
  } catch (error) {
    adapter.log.error('a subscription is not stored', { error: String(error) })
    return client.end(reasonCodes.serverBusy)
  }
  if (client.closed) return
  client.send(writeSubscriptionAnswer(packetTypes.suback, messageId, codes, client.version))
  for (const { subscription, request, isNew } of granted) {
    followPlatform(adapter, client, subscription)
    // [MQTT 5, 4.8.2] no retained values for a group; [MQTT-3.3.1-9] to [-11] else as the client asks
    const wants = request.retainHandling === 0 || (request.retainHandling === 1 && isNew)
    if (wants && subscription.group === undefined) sendRetained(adapter, session, subscription)
  }
  client.goOn('subscribe')
}

async function authorize(
  adapter: Adapter,
  client: Client,
  session: BrokerSession,
  { name, filter }: FilterRequest,
): Promise<{ byProvider: boolean }> {
  const refused = problemOf(adapter, client, session, name, filter)
  if (refused !== undefined) {
    recordRefusal(adapter, client, 'subscribe', refused, name)
    throw refused
  }
  if (client.session === undefined) return { byProvider: false }
  const decision = await client.session.authorize('subscribe', filter)
  if (!decision.allowed) throw denied(decision.step, decision.detail)
  return { byProvider: decision.provider !== undefined }
}

function problemOf(
  adapter: Adapter,
  client: Client,
  session: BrokerSession,
  name: string,
  filter: string,
): RefusedError | undefined {
  const problem = limitProblem(filter, adapter.limits)
  if (problem !== undefined) return badFilter(`The filter ${problem}`)
  const limit = adapter.limits.maxSubscriptionsPerSession
  if (session.subscriptions.size >= limit && !session.subscriptions.has(name)) return tooManySubscriptions(limit)
  return client.session === undefined && !isOpen(adapter, filter) ? notOpen(filter) : undefined
}

/** [MQTT-3.8.4-3] the same filter again replaces the earlier subscription. */
function grant(
  adapter: Adapter,
  session: BrokerSession,
  { name, filter, group, qos, noLocal, retainAsPublished }: FilterRequest,
  identifier: number | undefined,
  byProvider: boolean,
): { subscription: Subscription; isNew: boolean } {
  const before = session.subscriptions.get(name)
  const { platform } = before ?? {}
  const common = { name, filter, group, qos, noLocal, retainAsPublished, identifier, byProvider }
  const subscription: Subscription = { ...common, session, platform }
  adapter.router.subscribe(subscription)
  return { subscription, isNew: before === undefined }
}

function sendRetained(adapter: Adapter, session: BrokerSession, subscription: Subscription): void {
  const { filter, qos, identifier } = subscription
  for (const message of adapter.store.retained.matching(filter)) {
    const granted = qos < message.qos ? qos : message.qos
    // they are stored already, and come again with the next SUBSCRIBE
    void session.outbound.add(message, granted, true, identifier === undefined ? undefined : [identifier], false)
  }
}

export function takeUnsubscribe(
  adapter: Adapter,
  client: Client,
  { messageId, names }: { messageId: number; names: readonly string[] },
): void {
  const session = client.brokerSession
  if (session === undefined) return
  let durable: Promise<void> | undefined
  const codes = names.map((name) => {
    const subscription = session.subscriptions.get(name)
    if (subscription === undefined) return reasonCodes.noSubscription
    adapter.router.unsubscribe(subscription)
    const isShared = adapter.store.writer.shared !== undefined
    if (session.durable || isShared) durable = adapter.store.subscriptions.remove(session.name, name)
    return 0
  })
  const respond = () => client.send(writeSubscriptionAnswer(packetTypes.unsuback, messageId, codes, client.version))
  if (durable === undefined) respond()
  else durable.then(respond, () => client.end(reasonCodes.serverBusy))
}

/** Asks the platform for what it sends itself under a granted filter (commands, desired shadow), after the SUBACK or CONNACK. */
export function followPlatform(adapter: Adapter, client: Client, granted: Subscription): void {
  const { session, closed, brokerSession } = client
  const { filter, qos, identifier } = granted
  if (session === undefined || closed || brokerSession === undefined || granted.group !== undefined) return
  granted.platform?.close()
  granted.platform = undefined
  const { outbound } = brokerSession
  session
    .subscribe(filter, (message) => outbound.sendForPlatform(message, qos, identifier), { from: 'platform', qos })
    .then(
      (subscription) => {
        const isCurrent = brokerSession.subscriptions.get(granted.name) === granted && brokerSession.client === client
        if (client.closed || !isCurrent) subscription.close()
        else granted.platform = subscription
      },
      (error: unknown) => adapter.log.debug('the platform sends nothing here', { filter, error: String(error) }),
    )
}

/** Each delivery is checked again, for rights may have gone since the SUBSCRIBE. */
export function mayReceive(client: Client, topic: string): boolean {
  const { session } = client
  if (session === undefined) return client.anonymous
  const nowMs = turnNowMs()
  const known = client.received.get(topic)
  if (known !== undefined && known.untilMs > nowMs) return known.allowed
  const decision = session.may('subscribe', topic)
  const allowed = decision.allowed || (decision.step === 'default' && isProvided(client, topic))
  if (client.received.size >= maxRemembered) client.received.clear()
  client.received.set(topic, { allowed, untilMs: nowMs + mayReceiveMs })
  return allowed
}

/** An access plugin answers once, when the filter is asked for: nothing else allows it, nothing denies it either. */
function isProvided(client: Client, topic: string): boolean {
  for (const { byProvider, filter } of client.brokerSession?.subscriptions.values() ?? []) {
    if (byProvider && matchesFilter(filter, topic)) return true
  }
  return false
}
