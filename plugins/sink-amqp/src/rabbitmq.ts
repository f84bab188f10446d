import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, type OpenedSink, toJsonLine, within, WriteRefused } from '@patchbay/sdk/sink'
import type { ConfirmChannel } from 'amqplib'
import type { Config } from './config.ts'
import { type Outcome, taken, toWriteAnswer } from './outcomes.ts'
import { openRabbitmqLink, type RabbitmqLink } from './rabbitmq-link.ts'
import { toRoute } from './route.ts'
import { answerMs } from './tries.ts'

/** Such as a message that is larger than it takes: the channel is closed, whatever else was on it. */
const preconditionFailed = 406

export interface OpenRabbitmq extends OpenedSink {
  close(): Promise<void>
}

export function openRabbitmq(values: Config, stop: AbortSignal): OpenRabbitmq {
  const secrets = [values.password]
  const route = toRoute(values)
  let link: RabbitmqLink | undefined

  /** What the broker said of each, in their order; undefined: it has confirmed it. One promise for all of them, for there are many. */
  const publishAll = (to: ConfirmChannel, records: readonly SinkRecord[]): Promise<(string | undefined)[]> =>
    new Promise((resolve) => {
      const said: (string | undefined)[] = records.map(() => undefined)
      let open = records.length
      for (const [index, record] of records.entries())
        to.publish(
          route.exchange,
          route.routingKeyOf(record),
          Buffer.from(toJsonLine(record)),
          {
            // Without a queue that takes it, it comes back.
            mandatory: true,
            persistent: true,
            contentType: 'application/json',
            messageId: record.id,
            timestamp: Math.floor(record.at / 1_000_000),
            type: record.type,
            headers: { device: record.device },
          },
          (error: unknown) => {
            if (error) said[index] = error instanceof Error ? error.message : 'not confirmed'
            open -= 1
            if (open === 0) resolve(said)
          },
        )
    })

  const giveUp = (old: RabbitmqLink | undefined): void => {
    old?.destroy()
    if (link === old) link = undefined
  }

  async function send(records: readonly SinkRecord[], signal: AbortSignal): Promise<WriteAnswer> {
    const current = (link ??= await openRabbitmqLink(values, route, signal))
    const returned = new Map<string, string>()
    current.onReturn = (id, words) => returned.set(id, words)
    try {
      const answers = await within(
        publishAll(current.channel, records),
        answerMs,
        signal,
        current.blocked() ?? 'No confirmation',
      )
      const end = current.ended()
      if (end?.code === preconditionFailed) throw new WriteRefused(end.message, { cause: end })
      const outcomes = answers.map((words, index): Outcome => {
        const back = returned.get(records[index]?.id ?? '')
        if (back !== undefined) return { is: 'refused', words: back }
        return words === undefined ? taken : { is: 'open', words: end?.message ?? words }
      })
      if (end) giveUp(current)
      return toWriteAnswer(outcomes, secrets)
    } catch (error) {
      // The next try begins with a connection of its own, so that nothing of this one comes later.
      giveUp(current)
      throw current.ended() && !(error instanceof WriteRefused) ? current.ended() : error
    }
  }

  const sink: Sink = {
    write: (records, options) =>
      answerOfWrite(async () => {
        const signal = AbortSignal.any([stop, options.signal])
        signal.throwIfAborted()
        return send(records, signal)
      }, secrets),
  }
  return {
    sink,
    async readBack() {
      const where = `exchange ${route.exchange || '(default)'} of ${new URL(values.url).host}`
      if (!values.queue || !link)
        return `RabbitMQ put a message of the device _patchbay_probe into a queue by ${where}.`
      const { messageCount } = await link.channel.checkQueue(values.queue)
      return `RabbitMQ took a message of the device _patchbay_probe by ${where}; ${messageCount} are in ${values.queue}.`
    },
    async close() {
      const old = link
      link = undefined
      await old?.close()
    },
  }
}
