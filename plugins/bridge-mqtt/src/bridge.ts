import type { Bridge, BridgeLink, BridgeMessage, Context, WriteAnswer, WriteOptions } from '@patchbay/sdk'
import { isRefused } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import type { IPublishPacket } from 'mqtt-packet'
import type { Verdict } from './inbox.ts'
import type { Config } from './config.ts'
import { type Link, openLink } from './link.ts'
import { toLogin } from './login.ts'
import { PayloadUnfit } from './json-payload.ts'
import { ofPacketProperties } from './message-packet.ts'
import type { Outcome } from './outbox.ts'
import { toOutgoing } from './outgoing.ts'
import type { Plan } from './plan.ts'
import { toSubscriptions } from './subscriptions.ts'
import { findRoute } from './topic-map.ts'

/** How long setup waits for the first try of a connection, so that a wrong password is seen at once. */
const firstTryMs = 3000
/** A try of a batch waits so long for a connection before it says that there is none. */
const waitForLinkMs = 20_000

const notAuthorized = 0x87
const payloadInvalid = 0x99
/** What a refusal of the platform is in MQTT 5. What passes is asked for again. */
const verdictOf: Readonly<Record<string, Verdict>> = {
  unavailable: 'later',
  quota: 'later',
  malformed: payloadInvalid,
  invalid: payloadInvalid,
  'too-large': 0x95,
}

interface Sending {
  message: BridgeMessage
  index: number
  outcome: Promise<Outcome>
}

/** Answers as the platform wants it: what was refused, what is to come again, and that all else is safe there. */
function toAnswer(outcomes: readonly (readonly [number, Outcome | undefined])[], why: string): WriteAnswer {
  const refused: { index: number; reply: string }[] = []
  const retry: { index: number; reply: string }[] = []
  for (const [index, outcome] of outcomes) {
    if (outcome === undefined) retry.push({ index, reply: why })
    else if (outcome.kind === 'refused') refused.push({ index, reply: outcome.reply })
    else if (outcome.kind === 'later') retry.push({ index, reply: outcome.reply })
  }
  return refused.length + retry.length === 0 ? { outcome: 'delivered' } : { outcome: 'partial', refused, retry }
}

/** Joins one instance to its broker. Resolves when the first try of a connection has come to an end, whatever it was. */
export async function openBridge(ctx: Context<Config>, plan: Plan): Promise<void> {
  const { config } = ctx
  const { preset } = plan
  const secrets = [config.password, config.tls?.key, config.sharedAccessKey]
  let entry: BridgeLink | undefined

  const send = async (
    link: Link,
    messages: readonly BridgeMessage[],
    { signal }: WriteOptions,
  ): Promise<WriteAnswer> => {
    try {
      await link.connected(AbortSignal.any([signal, AbortSignal.timeout(waitForLinkMs)]))
    } catch {
      // Its message is the link's own trouble.
      return { outcome: 'retry', reply: toReply(link.trouble, secrets) }
    }
    const sending = messages.map((message, index): Sending => {
      const outgoing = toOutgoing(plan, message, link.wire)
      const outcome = 'kind' in outgoing ? Promise.resolve(outgoing) : link.outbox.publish(message.id, outgoing)
      return { message, index, outcome }
    })
    const found = new Map<number, Outcome>()
    const all = Promise.all(sending.map(async ({ index, outcome }) => found.set(index, await outcome)))
    const givenUp = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([all, givenUp])
    // What was not sent is not sent behind the platform's back; what was, is asked for by the next try.
    link.outbox.forget(sending.filter(({ index }) => !found.has(index)).map(({ message }) => message.id))
    return toAnswer(
      sending.map(({ index }) => [index, found.get(index)] as const),
      toReply(link.trouble || 'The broker has not acknowledged it.', secrets),
    )
  }

  const take = async (packet: IPublishPacket): Promise<Verdict> => {
    const route = findRoute(plan.in, packet.topic)
    if (!route || !entry) return 0
    const { properties, passed } = ofPacketProperties(packet)
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    try {
      const bytes = route.map.convert ? route.map.convert(payload) : payload
      await entry.publish(route.to, bytes, {
        qos: packet.qos,
        retain: route.map.retain && packet.retain,
        passed,
        ...(properties ? { properties } : {}),
      })
      return 0
    } catch (error) {
      if (error instanceof PayloadUnfit) {
        ctx.log.warn('a message of the other side was left out', { topic: packet.topic, why: error.message })
        return payloadInvalid
      }
      if (isRefused(error)) return verdictOf[error.reason] ?? notAuthorized
      if (!ctx.signal.aborted) ctx.log.error('a message could not be published', { err: error, topic: route.to })
      return 'later'
    }
  }

  const link = openLink({
    target: plan.target,
    login: () => toLogin(config, preset),
    subscriptions: toSubscriptions(plan),
    filtersAtOnce: preset.filtersAtOnce,
    publishesPerSecond: preset.publishesPerSecond,
    greetings: preset.greetings,
    take,
    hear(trouble) {
      if (trouble === undefined) ctx.health('ok')
      else ctx.health('degraded', toReply(trouble, secrets))
    },
    signal: ctx.signal,
  })
  ctx.own('connection', () => link.close())
  const bridge: Bridge = {
    out: plan.out.map(({ filter }) => filter),
    in: plan.in.map(({ target }) => target),
    queueMb: config.queueMb,
    send: (messages, options) => send(link, messages, options),
  }
  entry = ctx.bridge('mqtt', bridge)
  let late: ReturnType<typeof setTimeout> | undefined
  await Promise.race([link.tried, new Promise<void>((resolve) => (late = setTimeout(resolve, firstTryMs)))])
  clearTimeout(late)
}
