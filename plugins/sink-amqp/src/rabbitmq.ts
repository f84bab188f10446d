import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, createTargetGuard, type OpenedSink, toJsonLine, WriteRefused } from '@patchbay/sdk/sink'
import { type Channel, Connection } from 'rabbitmq-client'
import { toBroker, toTls } from './broker.ts'
import type { Config } from './config.ts'
import { type Outcome, taken, toWriteAnswer } from './outcomes.ts'
import { type Route, toRoute } from './route.ts'
import { answerMs, connectMs, within } from './tries.ts'

/** Half of what a client may be silent for. */
const heartbeatSeconds = 30
/** Such as a message that is larger than it takes: the channel is closed, whatever else was on it. */
const preconditionFailed = 'PRECONDITION_FAILED'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A connection with the one channel that messages go by. */
interface Link {
  readonly channel: Channel
  /** Messages that no queue is bound for come back: whose they are, by their id. */
  returned: (id: string, words: string) => void
  /** Why the broker takes nothing at present. */
  readonly blocked: () => string | undefined
  destroy(): void
}

async function openLink(values: Config, route: Route, signal: AbortSignal): Promise<Link> {
  const broker = toBroker(values)
  const { lookup } = createTargetGuard('all')
  const connection = new Connection({
    hostname: broker.host,
    port: broker.port,
    vhost: broker.vhost,
    username: values.username ?? 'guest',
    password: values.password ?? 'guest',
    connectionName: 'patchbay',
    heartbeat: heartbeatSeconds,
    connectionTimeout: connectMs,
    // `host` is what TLS and the look-up are told besides.
    socket: { lookup, host: broker.host, port: broker.port },
    ...(broker.tls ? { tls: toTls(broker, values.ca) } : {}),
  })
  const opened = Promise.withResolvers<void>()
  connection.on('connection', () => opened.resolve())
  // It would connect again by itself; the next try does that, and tells what it is told.
  connection.on('error', (error: unknown) => opened.reject(error))
  let blocked: string | undefined
  connection.on('connection.blocked', (reason) => (blocked = reason))
  connection.on('connection.unblocked', () => (blocked = undefined))
  const destroy = (): void => connection.unsafeDestroy()
  const prepare = async (): Promise<Channel> => {
    await opened.promise
    const channel = await connection.acquire()
    if (values.queue) {
      await channel.queueDeclare({ queue: values.queue, durable: true })
      if (route.exchange !== '')
        await channel.queueBind({ queue: values.queue, exchange: route.exchange, routingKey: '#' })
    }
    await channel.confirmSelect()
    return channel
  }
  try {
    const channel = await within(prepare(), connectMs * 2, signal, 'No connection to the broker')
    const link: Link = { channel, returned: () => undefined, blocked: () => blocked, destroy }
    channel.on('basic.return', ({ messageId = '', replyCode, replyText, exchange, routingKey }) =>
      link.returned(messageId, `${replyCode} ${replyText}: exchange ${exchange}, routing key ${routingKey}`),
    )
    return link
  } catch (error) {
    destroy()
    throw error
  }
}

export interface OpenRabbitmq extends OpenedSink {
  close(): void
}

export function openRabbitmq(values: Config, stop: AbortSignal): OpenRabbitmq {
  const secrets = [values.password]
  const route = toRoute(values)
  let link: Link | undefined

  const publish = (to: Channel, record: SinkRecord): Promise<void> =>
    to.basicPublish(
      {
        exchange: route.exchange,
        routingKey: route.routingKeyOf(record),
        // Without a queue that takes it, it comes back.
        mandatory: true,
        durable: true,
        contentType: 'application/json',
        messageId: record.id,
        timestamp: Math.floor(record.at / 1_000_000),
        type: record.type,
        headers: { device: record.device },
      },
      Buffer.from(toJsonLine(record)),
    )

  const giveUp = (old: Link | undefined): void => {
    old?.destroy()
    if (link === old) link = undefined
  }

  async function send(records: readonly SinkRecord[], signal: AbortSignal): Promise<WriteAnswer> {
    const current = (link ??= await openLink(values, route, signal))
    const returned = new Map<string, string>()
    current.returned = (id, words) => returned.set(id, words)
    const all = Promise.allSettled(records.map((record) => publish(current.channel, record)))
    let settled = false
    try {
      const answers = await within(all, answerMs, signal, current.blocked() ?? 'No confirmation')
      settled = true
      // What came back did so before its confirmation, and is told one turn of the loop later.
      await new Promise<void>((resolve) => setImmediate(resolve))
      const failed = answers.find((answer) => answer.status === 'rejected')
      if (failed && codeOf(failed.reason) === preconditionFailed)
        throw new WriteRefused(wordsOf(failed.reason), { cause: failed.reason })
      const why = failed ? wordsOf(failed.reason) : ''
      const outcomes = answers.map((answer, index): Outcome => {
        const back = returned.get(records[index]?.id ?? '')
        if (back !== undefined) return { is: 'refused', words: back }
        return answer.status === 'fulfilled' ? taken : { is: 'open', words: why }
      })
      return toWriteAnswer(outcomes, secrets)
    } finally {
      // The next try begins with a connection of its own, so that nothing of this one comes later.
      if (signal.aborted || !current.channel.active || !settled) giveUp(current)
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
      const { messageCount } = await link.channel.queueDeclare({ queue: values.queue, passive: true })
      return `RabbitMQ took a message of the device _patchbay_probe by ${where}; ${messageCount} are in ${values.queue}.`
    },
    close: () => giveUp(link),
  }
}
