import { Socket } from 'node:net'
import rhea, { type Connection, type ConnectionOptions, type Delivery, type EventContext, type Receiver } from 'rhea'
import { toAddress } from './address.ts'
import type { Config } from './config.ts'
import type { Outcome } from './inbox.ts'
import { toSourceMessage } from './message.ts'
import { atMost, closeMs, type Reader, type ReaderOptions } from './reader.ts'

const connectMs = 5000
const retryMs = { low: 500, high: 5000 }

const toOptions = (config: Config): ConnectionOptions => {
  const { host, port, isTls, vhost } = toAddress(config)
  const whole = {
    host,
    port,
    ...(vhost === '/' ? {} : { hostname: `vhost:${vhost}` }),
    username: config.username ?? 'guest',
    password: config.password ?? 'guest',
    container_id: 'patchbay',
    idle_time_out: 30_000,
    reconnect: true,
    initial_reconnect_delay: retryMs.low,
    max_reconnect_delay: retryMs.high,
  }
  if (!isTls) return whole
  return {
    ...whole,
    transport: 'tls',
    servername: host,
    rejectUnauthorized: true,
    ...(config.ca === undefined ? {} : { ca: config.ca }),
  }
}

/** RabbitMQ wants /queues/NAME; other brokers take addresses of their own. */
const toSourceAddress = (queue: string): string =>
  queue.startsWith('/') ? queue : `/queues/${encodeURIComponent(queue)}`

/** A body in data sections is bytes. */
function toBody(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('content' in body) || !('typecode' in body)) return body
  const { content } = body
  if (!Array.isArray(content)) return content
  const parts: readonly unknown[] = content
  return Buffer.concat(parts.filter((part) => part instanceof Uint8Array))
}

const wordsOf = (error: unknown): string => {
  if (error instanceof Error) return error.message
  if (typeof error !== 'object' || error === null) return 'The connection was cut.'
  const condition: unknown = Reflect.get(error, 'condition')
  const description: unknown = Reflect.get(error, 'description')
  return [condition, description].filter((part) => typeof part === 'string').join(': ') || 'The connection was cut.'
}

/** Ends the connection and its timers at once: the client's own call for it, which its types leave out. */
function cut(connection: Connection): void {
  const abort: unknown = Reflect.get(connection, 'abort_socket')
  const socket: unknown = Reflect.get(connection, 'socket')
  if (typeof abort === 'function' && socket instanceof Socket) Reflect.apply(abort, connection, [socket])
}

/** A link to what is not there is opened without a source, and closed with the reason. */
const isThere = ({ source }: Receiver): boolean => typeof source?.address === 'string'

const settleAs = (delivery: Delivery, outcome: Outcome): void => {
  if (outcome === 'accept') delivery.accept()
  else if (outcome === 'reject') delivery.reject({ condition: 'amqp:decode-error', description: 'It cannot be taken.' })
  else delivery.release()
}

/** Reads an address by AMQP 1.0. The client connects again by itself; what was not settled is then given again. */
export function readAmqpOne({ config, inbox, trouble }: ReaderOptions): Reader {
  const container = rhea.create_container()
  container.on('error', (context: EventContext) => trouble(wordsOf(context.error)))
  const connection: Connection = container.create_connection(toOptions(config))
  connection.connect()
  let link = 0
  let credit = 0
  let closing = false
  const receiver: Receiver = connection.open_receiver({
    source: { address: toSourceAddress(config.queue), dynamic: false },
    credit_window: 0,
    autoaccept: false,
    autosettle: true,
  })
  const give = (): void => {
    const more = config.prefetch - inbox.size - credit
    // A few at a time cost a frame each.
    if (more < Math.ceil(config.prefetch / 4) || closing) return
    credit += more
    receiver.add_credit(more)
  }
  receiver.on('receiver_open', () => {
    if (!isThere(receiver)) return
    link += 1
    credit = 0
    trouble(undefined)
    give()
  })
  receiver.on('message', ({ message, delivery }: EventContext) => {
    if (!message || !delivery) return
    credit -= 1
    const from = link
    const { message_id: messageId, subject, application_properties: headers, body } = message
    const topic = typeof subject === 'string' ? subject : config.queue
    inbox.offer(
      toSourceMessage({ body: toBody(body), messageId, topic, headers: { ...headers } }, config.queue),
      (outcome) => {
        // What came by a connection that is gone is given again, and its number may be another's by now.
        if (from !== link) return
        settleAs(delivery, outcome)
        queueMicrotask(give)
      },
    )
  })
  receiver.on('receiver_error', () => trouble(wordsOf(receiver.error)))
  receiver.on('receiver_close', () => {
    if (closing) return
    link += 1
    trouble(wordsOf(receiver.error ?? 'The broker closed the link.'))
    // A link alone is not opened again by the client.
    retry = setTimeout(() => cut(connection), retryMs.high)
  })
  let retry: NodeJS.Timeout | undefined
  connection.on('connection_error', () => trouble(wordsOf(connection.error)))
  connection.on('error', (context: EventContext) => trouble(wordsOf(context.error)))
  connection.on('disconnected', ({ error }: EventContext) => {
    link += 1
    if (!closing) trouble(wordsOf(error))
  })

  return {
    tellLag: async () => undefined,
    async close() {
      closing = true
      clearTimeout(retry)
      const closed = new Promise<void>((resolve) => {
        connection.once('connection_close', () => resolve())
        connection.once('disconnected', () => resolve())
      })
      connection.set_reconnect(false)
      if (connection.is_open()) {
        connection.close()
        await atMost(closeMs, closed)
      }
      cut(connection)
    },
  }
}

/** Connects once and opens the link. */
export async function describeAmqpOne(config: Config): Promise<string> {
  const container = rhea.create_container()
  container.on('error', () => undefined) // told by the other events
  const connection = container.create_connection({ ...toOptions(config), reconnect: false })
  connection.connect()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const fail = (error: unknown): void => reject(new Error(wordsOf(error)))
  for (const event of ['connection_error', 'disconnected', 'error'])
    connection.on(event, (context: EventContext) => fail(connection.error ?? context.error))
  const receiver = connection.open_receiver({ source: { address: toSourceAddress(config.queue) }, credit_window: 0 })
  receiver.on('receiver_error', () => fail(receiver.error))
  receiver.on('receiver_open', () => {
    if (isThere(receiver)) resolve(`The broker gives ${toSourceAddress(config.queue)} by AMQP 1.0.`)
  })
  const timer = setTimeout(() => fail(new Error(`No answer within ${connectMs / 1000} s.`)), connectMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    connection.close()
    cut(connection)
  }
}
