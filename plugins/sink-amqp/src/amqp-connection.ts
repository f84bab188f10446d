import type { Socket } from 'node:net'
import { within } from '@patchbay/sdk/sink'
import rhea, { type Connection, type Sender } from 'rhea'
import { openSocket, toBroker } from './broker.ts'
import type { Config } from './config.ts'
import { closeMs, connectMs } from './tries.ts'

const idleMs = 60_000
/** Links of one connection, where each node needs its own; the one that was not used for longest is closed for another. */
const maxLinks = 100

/** A connection of AMQP 1.0 and its links. */
export interface AmqpConnection {
  readonly isRabbitmq: boolean
  /** One link for all nodes, each message naming its own. */
  readonly relays: boolean
  /** The link to a node, or the one for all. */
  senderTo(node: string): Sender
  /** Rejects when the connection or a link is ended by the other side, or by a cut. */
  readonly ended: Promise<never>
  readonly connection: Connection
  /** Says good-bye first. */
  close(): Promise<void>
  destroy(): void
}

/** What a broker said, of a link, a session or a connection. */
export class AmqpEnded extends Error {
  override readonly name = 'AmqpEnded'
  readonly condition: string
  constructor(condition: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.condition = condition
  }
}

function toEnded(error: unknown, otherwise: string): AmqpEnded {
  const of = (name: string): string => {
    const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
    return typeof value === 'string' ? value : ''
  }
  const condition = of('condition')
  const words = of('description') || of('message') || otherwise
  return new AmqpEnded(condition, condition ? `${condition}: ${words}` : words, { cause: error })
}

/** One capability is a word, several are a list. */
const offers = (capabilities: string | readonly string[] | undefined, name: string): boolean =>
  [capabilities].flat().some((each) => String(each) === name)

export async function openAmqpConnection(
  values: Pick<Config, 'url' | 'username' | 'password' | 'ca'>,
  signal: AbortSignal,
): Promise<AmqpConnection> {
  const broker = toBroker(values)
  const container = rhea.create_container()
  const { promise: ended, reject } = Promise.withResolvers<never>()
  ended.catch(() => undefined)
  const opened = Promise.withResolvers<void>()
  let socket: Socket | undefined
  const connection = container.create_connection({
    host: broker.host,
    port: broker.port,
    // RabbitMQ finds the virtual host in it.
    hostname: broker.vhost === '/' ? broker.host : `vhost:${broker.vhost}`,
    container_id: 'patchbay',
    reconnect: false,
    idle_time_out: idleMs,
    ...(values.username ? { username: values.username, password: values.password ?? '' } : {}),
    connection_details: () => ({
      host: broker.host,
      port: broker.port,
      connect: (_port: number, _host: string, _options: unknown, connected: () => void) =>
        (socket = openSocket(broker, values.ca, connected)),
    }),
  })
  const end = (otherwise: string) => (context: { error?: unknown }) => {
    const error = toEnded(context.error, otherwise)
    opened.reject(error)
    reject(error)
  }
  connection.on('connection_open', () => opened.resolve())
  connection.on('connection_error', ({ error }) =>
    end('The broker ended the connection.')({ error: error ?? connection.error }),
  )
  connection.on('session_error', ({ session }) => end('The broker ended the session.')({ error: session?.error }))
  connection.on('sender_error', ({ sender }) => end('The broker ended the link.')({ error: sender?.error }))
  connection.on('disconnected', end('The connection was cut.'))
  connection.on('error', (error: unknown) => end('The connection failed.')({ error }))
  container.on('error', (error: unknown) => end('The connection failed.')({ error }))
  const destroy = (): void => {
    reject(new AmqpEnded('', 'The connection was closed.'))
    // With an error, or the client would go on to beat.
    socket?.destroy(new AmqpEnded('', 'The connection was closed.'))
  }
  try {
    connection.connect()
    await within(opened.promise, connectMs, signal, 'No connection to the broker')
  } catch (error) {
    destroy()
    throw error
  }
  const relays = offers(connection.offered_capabilities, 'ANONYMOUS-RELAY')
  const senders = new Map<string, Sender>()
  return {
    isRabbitmq: connection.properties?.['product'] === 'RabbitMQ',
    relays,
    connection,
    ended,
    destroy,
    async close() {
      const closed = new Promise<void>((resolve) => connection.once('connection_close', () => resolve()))
      connection.close()
      await within(closed, closeMs, new AbortController().signal, 'No good-bye').catch(() => undefined)
      destroy()
    },
    senderTo(node) {
      const name = relays ? '' : node
      const known = senders.get(name)
      if (known) {
        senders.delete(name)
        senders.set(name, known)
        return known
      }
      const [oldest] = senders
      if (oldest && senders.size >= maxLinks) {
        senders.delete(oldest[0])
        oldest[1].close()
      }
      const sender = connection.open_sender({ target: relays ? {} : { address: node }, autosettle: true })
      senders.set(name, sender)
      return sender
    },
  }
}
