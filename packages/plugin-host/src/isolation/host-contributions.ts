import { DeliveryAnswer } from '@patchbay/contracts/notification'
import {
  type AccessProvider,
  type AlertChannel,
  type BridgeLink,
  type Codec,
  type Context,
  Refused,
} from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { systemClock } from '../clock.ts'
import { within } from '../deadline.ts'
import { HostError, isHostError } from '../errors.ts'
import type { Channel, Handler, Reply } from './channel.ts'
import { asks } from './asks.ts'
import { toBridge, toSink } from './host-writes.ts'

/** One payload; a message waits for no codec longer. */
const decodeMs = 5_000

const Readings = Type.Array(
  Type.Object({ at: Type.Optional(Type.Integer()), values: Type.Record(Type.String(), Type.Unknown()) }),
)

const unreadable = (what: string): never => {
  throw new HostError('PLUGIN_PROTOCOL', `The answer of ${what} cannot be read.`)
}

const toProvider = (name: string, members: readonly string[], channel: () => Channel): AccessProvider => {
  const ask = async (
    member: 'connect' | 'decide',
    about: Record<string, unknown>,
  ): Promise<'allow' | 'deny' | undefined> => {
    const { value } = await channel().call(`accessProvider.${member}`, { name, ...about })
    if (value === undefined || value === null) return undefined
    return value === 'allow' || value === 'deny' ? value : unreadable(`the access provider ${name}`)
  }
  return {
    ...(members.includes('connect') ? { connect: (who) => ask('connect', { who }) } : {}),
    ...(members.includes('decide') ? { decide: (question) => ask('decide', { question }) } : {}),
  }
}

const toCodec = (name: string, channel: () => Channel): Codec => ({
  async decode(bytes, topic) {
    const work = (): Promise<Reply> => channel().call('codec.decode', { name, topic }, [bytes])
    const outcome = await within(systemClock, decodeMs, work)
    if (outcome.kind === 'done' && Value.Check(Readings, outcome.value.value)) return outcome.value.value
    // The plugin's own error says that the payload is bad; anything else, that the codec is.
    if (outcome.kind === 'failed' && !isHostError(outcome.error)) throw outcome.error
    throw new Refused('unavailable', 'STORE_UNAVAILABLE', 'codec', `The codec ${name} does not answer as it should.`)
  },
})

const toAlertChannel = (name: string, channel: () => Channel): AlertChannel => {
  let nextKey = 1
  return {
    async deliver(notification, { attempt, signal }) {
      const key = nextKey++
      const abort = (): void => channel().cast('alertChannel.abort', { key })
      signal.addEventListener('abort', abort, { once: true })
      try {
        const { value } = await channel().call('alertChannel.deliver', { name, notification, attempt, key })
        return Value.Check(DeliveryAnswer, value) ? value : unreadable(`the alert channel ${name}`)
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

/** What a plugin behind the boundary contributes, as the platform sees it. */
export const contributeHandler =
  (
    ctx: Pick<Context<unknown>, 'accessProvider' | 'codec' | 'alertChannel' | 'sink' | 'bridge'>,
    channel: () => Channel,
    linked: (name: string, link: BridgeLink) => void,
  ): Handler =>
  (value) => {
    if (!asks.contribute(value)) return unreadable('contribute')
    const { kind, name, members } = value
    if (kind === 'accessProvider') ctx.accessProvider(name, toProvider(name, members, channel))
    else if (kind === 'codec') ctx.codec(name, toCodec(name, channel))
    else if (kind === 'alertChannel') ctx.alertChannel(name, toAlertChannel(name, channel))
    else if (kind === 'sink') ctx.sink(name, toSink(name, channel))
    else if (!value.bridge) return unreadable('contribute')
    else linked(name, ctx.bridge(name, toBridge(name, value.bridge, members, channel)))
    return undefined
  }
