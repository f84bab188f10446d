import type { Bridge, BridgeLink, Context } from '@patchbay/sdk'
import { isRefused } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import type { IPublishPacket } from 'mqtt-packet'
import type { Verdict } from './inbox.ts'
import type { Config } from './config.ts'
import { type Link, openLink } from './link.ts'
import { toLogin } from './login.ts'
import { PayloadUnfit } from './json-payload.ts'
import { ofPacketProperties } from './message-packet.ts'
import { toOutgoing } from './outgoing.ts'
import type { Plan } from './plan.ts'
import { sendBatch } from './send-batch.ts'
import { createWriteReadings } from './send-readings.ts'
import { toSubscriptions } from './subscriptions.ts'
import { findRoute } from './topic-map.ts'

/** How long setup waits for the first try of a connection, so that a wrong password is seen at once. */
const firstTryMs = 3000

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

/** Joins one instance to its broker. Resolves when the first try of a connection has come to an end, whatever it was. */
export async function openBridge(ctx: Context<Config>, plan: Plan): Promise<void> {
  const { config } = ctx
  const { preset } = plan
  const secrets = [config.password, config.tls?.key, config.sharedAccessKey]

  const take = async (entry: BridgeLink, packet: IPublishPacket): Promise<Verdict> => {
    const route = findRoute(plan.in, packet.topic)
    if (!route) return 0
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

  const { readings } = config
  const before: unknown = await ctx.store.get('run')
  const run = typeof before === 'number' && Number.isSafeInteger(before) ? before + 1 : 0
  await ctx.store.set('run', run)
  const bridge: Bridge = {
    out: plan.out.map(({ filter }) => filter),
    in: plan.in.map(({ target }) => target),
    queueMb: config.queueMb,
    ...(config.createDevices ? { createDevices: config.createDevices } : {}),
    ...(readings
      ? { write: await createWriteReadings(ctx, plan, readings, { link: () => link, secrets }) }
      : {
          send: (messages, { signal }) =>
            sendBatch(
              link,
              messages.map((message) => ({ id: message.id, outgoing: () => toOutgoing(plan, message, link.wire) })),
              { signal, secrets },
            ),
        }),
  }
  // Before there is a connection, by which messages may come at once.
  const entry = ctx.bridge('mqtt', bridge)
  const link: Link = openLink({
    target: plan.target,
    login: () => toLogin(config, preset),
    subscriptions: toSubscriptions(plan),
    filtersAtOnce: preset.filtersAtOnce,
    publishesPerSecond: preset.publishesPerSecond,
    greetings: preset.greetings,
    run,
    take: (packet) => take(entry, packet),
    hear(trouble) {
      if (trouble === undefined) ctx.health('ok')
      else ctx.health('degraded', toReply(trouble, secrets))
    },
    signal: ctx.signal,
  })
  ctx.own('connection', () => link.close())
  let late: ReturnType<typeof setTimeout> | undefined
  await Promise.race([link.tried, new Promise<void>((resolve) => (late = setTimeout(resolve, firstTryMs)))])
  clearTimeout(late)
}
