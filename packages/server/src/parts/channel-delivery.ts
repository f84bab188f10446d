import { DeliveryAnswer, maxReplyChars, type Notification } from '@patchbay/contracts/notification'
import type { ChannelDelivery } from '@patchbay/core/alerts/port'
import type { Clock } from '@patchbay/core/clock'
import type { AlertChannel } from '@patchbay/sdk'
import { Value } from 'typebox/value'

/** One try of a channel; what has not answered then is tried again. */
export const deliveryTimeoutMs = 30_000

const retry = (reply: string): DeliveryAnswer => ({ outcome: 'retry', reply: reply.slice(0, maxReplyChars) })

/** The channels are instances of plugins, known as `plugin/instance`; a rule names the instance alone. */
const findChannel = (channels: ReadonlyMap<string, AlertChannel>, name: string): AlertChannel | undefined => {
  const full = [...channels.keys()].toSorted().find((each) => each.slice(each.indexOf('/') + 1) === name)
  return full === undefined ? undefined : channels.get(full)
}

/** Reaches the channels through the plugins that run now. */
export const createChannelDelivery = (
  channels: ReadonlyMap<string, AlertChannel>,
  clock: Pick<Clock, 'after'>,
  timeoutMs: number = deliveryTimeoutMs,
): ChannelDelivery => ({
  async deliver(name, notification: Notification, { attempt, signal }) {
    const channel = findChannel(channels, name)
    if (!channel) return retry(`There is no channel "${name}", or it does not run.`)
    const late = new AbortController()
    const ended = Promise.withResolvers<DeliveryAnswer>()
    const stop = (why: string) => () => {
      late.abort()
      ended.resolve(retry(why))
    }
    const onStop = stop('The platform stops.')
    const cancel = clock.after(timeoutMs, stop(`No answer within ${timeoutMs / 1000} s.`))
    signal.addEventListener('abort', onStop, { once: true })
    try {
      const answer: unknown = await Promise.race([
        channel.deliver(notification, { attempt, signal: late.signal }),
        ended.promise,
      ])
      if (!Value.Check(DeliveryAnswer, answer)) return retry('The channel’s plugin gave no answer that can be read.')
      return { ...answer, reply: answer.reply.slice(0, maxReplyChars) }
    } catch (error) {
      return retry(error instanceof Error ? error.message : String(error))
    } finally {
      cancel()
      signal.removeEventListener('abort', onStop)
    }
  },
})
