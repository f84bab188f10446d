import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, type OpenedSink, toJsonLine, WriteRefused, within } from '@patchbay/sdk/sink'
import rhea, { type Delivery, type EventContext, type Message, type Sender } from 'rhea'
import { type AmqpConnection, AmqpEnded, openAmqpConnection } from './amqp-connection.ts'
import type { Config } from './config.ts'
import { type Outcome, taken, toWriteAnswer } from './outcomes.ts'
import { toRoute } from './route.ts'
import { answerMs } from './tries.ts'

/** The link is closed by it, whatever else was on it. */
const tooLarge = 'amqp:link:message-size-exceeded'
/** Of a rejection: a person or time is the cure, not another message. */
const passing = new Set(['amqp:not-found', 'amqp:resource-limit-exceeded', 'amqp:unauthorized-access'])

const outcomeNames = ['accepted', 'rejected', 'released', 'modified'] as const

/** What was said of a rejected message: `amqp:…: words`. */
function toRejection({ delivery }: EventContext): { condition: string; words: string } {
  const error: unknown = delivery?.remote_state && Reflect.get(delivery.remote_state, 'error')
  const of = (name: string): string => {
    const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
    return typeof value === 'string' ? value : ''
  }
  const condition = of('condition')
  return { condition, words: [condition, of('description')].filter((word) => word !== '').join(': ') || 'rejected' }
}

function toOutcome(name: (typeof outcomeNames)[number], context: EventContext, isRabbitmq: boolean): Outcome {
  if (name === 'accepted') return taken
  if (name === 'rejected') {
    const { condition, words } = toRejection(context)
    // RabbitMQ says it without a word when a queue is full.
    const isOpen = passing.has(condition) || (condition === '' && isRabbitmq)
    return isOpen ? { is: 'open', words } : { is: 'refused', words }
  }
  // RabbitMQ releases what no queue is bound for; others what they do not want just now.
  if (name === 'released' && isRabbitmq) return { is: 'refused', words: 'released: no queue is bound for it' }
  return { is: 'open', words: name }
}

export interface OpenAmqp1 extends OpenedSink {
  close(): Promise<void>
}

export function openAmqp1(values: Config, stop: AbortSignal): OpenAmqp1 {
  const secrets = [values.password]
  const route = toRoute(values)
  let connection: AmqpConnection | undefined

  const toMessage = (record: SinkRecord, to: string): Message => ({
    to,
    message_id: record.id,
    subject: record.type,
    content_type: 'application/json',
    creation_time: new Date(Math.floor(record.at / 1000)),
    durable: true,
    // What a group is to its members a device is to its readings: brokers keep their order.
    group_id: record.device,
    application_properties: { device: record.device },
    body: rhea.message.data_section(Buffer.from(toJsonLine(record))),
  })

  /** Sends all, as fast as the other side gives credit; resolves when it has said something of each. */
  function sendAll(
    to: AmqpConnection,
    records: readonly SinkRecord[],
    outcomes: (Outcome | undefined)[],
  ): Promise<void> {
    const sent = new Map<Delivery, number>()
    const waiting = new Map<Sender, { node: string; index: number }[]>()
    for (const [index, record] of records.entries()) {
      const node = route.nodeOf(record)
      const sender = to.senderTo(node)
      const list = waiting.get(sender)
      if (list) list.push({ node, index })
      else waiting.set(sender, [{ node, index }])
    }
    const { promise: all, resolve } = Promise.withResolvers<void>()
    const places = new Map<Sender, number>()
    const pump = (sender: Sender): void => {
      const list = waiting.get(sender) ?? []
      let place = places.get(sender) ?? 0
      for (; place < list.length && sender.sendable(); place++) {
        const next = list[place]
        const record = next && records[next.index]
        if (record) sent.set(sender.send(toMessage(record, next.node)), next.index)
      }
      places.set(sender, place)
    }
    let open = records.length
    const onSendable = ({ sender }: EventContext): void => {
      if (sender) pump(sender)
    }
    const listeners = outcomeNames.map((name) => {
      const hear = (context: EventContext): void => {
        const index = context.delivery && sent.get(context.delivery)
        if (index === undefined || outcomes[index]) return
        outcomes[index] = toOutcome(name, context, to.isRabbitmq)
        open -= 1
        if (open === 0) resolve()
      }
      return { name, hear }
    })
    for (const { name, hear } of listeners) to.connection.on(name, hear)
    to.connection.on('sendable', onSendable)
    for (const sender of waiting.keys()) pump(sender)
    return Promise.race([all, to.ended]).finally(() => {
      for (const { name, hear } of listeners) to.connection.removeListener(name, hear)
      to.connection.removeListener('sendable', onSendable)
    })
  }

  const giveUp = (old: AmqpConnection | undefined): void => {
    old?.destroy()
    if (connection === old) connection = undefined
  }

  async function send(records: readonly SinkRecord[], signal: AbortSignal): Promise<WriteAnswer> {
    const current = (connection ??= await openAmqpConnection(values, signal))
    const outcomes: (Outcome | undefined)[] = records.map(() => undefined)
    try {
      await within(sendAll(current, records, outcomes), answerMs, signal, 'No answer from the broker')
    } catch (error) {
      giveUp(current)
      const words = error instanceof Error ? error.message : String(error)
      if (error instanceof AmqpEnded && error.condition === tooLarge) throw new WriteRefused(words, { cause: error })
      if (!outcomes.some((outcome) => outcome?.is === 'taken')) throw error
      return toWriteAnswer(
        outcomes.map((outcome) => outcome ?? { is: 'open', words }),
        secrets,
      )
    }
    return toWriteAnswer(
      outcomes.map((outcome) => outcome ?? { is: 'open', words: 'nothing was said' }),
      secrets,
    )
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
    readBack: async (probe) =>
      `${new URL(values.url).host} accepted a message of the device _patchbay_probe for ${route.nodeOf(probe)}.`,
    async close() {
      const old = connection
      connection = undefined
      await old?.close()
    },
  }
}
