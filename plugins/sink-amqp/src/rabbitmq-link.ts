import type { Socket } from 'node:net'
import { createTargetGuard, within } from '@patchbay/sdk/sink'
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { toBroker, toTls } from './broker.ts'
import type { Config } from './config.ts'
import type { Route } from './route.ts'
import { closeMs, connectMs } from './tries.ts'

/** Half of what a client may be silent for. */
const heartbeatSeconds = 30

/** What the broker ended a channel or the connection with. */
export class RabbitmqEnded extends Error {
  override readonly name = 'RabbitmqEnded'
  readonly code: number
  constructor(error: unknown) {
    super(error instanceof Error ? error.message : String(error), { cause: error })
    const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
    this.code = typeof code === 'number' ? code : 0
  }
}

/** A connection with the one channel that messages go by. */
export interface RabbitmqLink {
  readonly channel: ConfirmChannel
  /** Messages that no queue is bound for come back: whose they are, by their id. Before their confirmation. */
  onReturn: (id: string, words: string) => void
  /** Why the broker takes nothing at present. */
  blocked(): string | undefined
  ended(): RabbitmqEnded | undefined
  /** Says good-bye first. */
  close(): Promise<void>
  destroy(): void
}

/** The client keeps it to itself, and would otherwise wait for the other side's good-bye. */
const destroySocket = ({ connection }: ChannelModel): void => {
  const socket: Socket | undefined = Reflect.get(connection, 'stream')
  socket?.destroy(new Error('The connection was closed.'))
}

/** Connects, and makes the queue where one is named. */
export async function openRabbitmqLink(values: Config, route: Route, signal: AbortSignal): Promise<RabbitmqLink> {
  const broker = toBroker(values)
  const { lookup } = createTargetGuard('all')
  const connecting = connect(
    {
      protocol: broker.tls ? 'amqps' : 'amqp',
      hostname: broker.host,
      port: broker.port,
      vhost: broker.vhost,
      username: values.username ?? 'guest',
      password: values.password ?? 'guest',
      heartbeat: heartbeatSeconds,
    },
    {
      timeout: connectMs,
      noDelay: true,
      lookup,
      clientProperties: { connection_name: 'patchbay' },
      ...(broker.tls ? toTls(broker, values.ca) : {}),
    },
  )
  let connection: ChannelModel
  try {
    connection = await within(connecting, connectMs, signal, 'No connection to the broker')
  } catch (error) {
    // One that comes too late is nobody's.
    connecting.then(destroySocket, () => undefined)
    throw error
  }
  let end: RabbitmqEnded | undefined
  let blocked: string | undefined
  const note = (error: unknown): void => void (end ??= new RabbitmqEnded(error))
  connection.on('error', note)
  connection.on('close', () => note(new Error('The connection was closed.')))
  connection.on('blocked', (reason) => (blocked = reason))
  connection.on('unblocked', () => (blocked = undefined))
  const destroy = (): void => destroySocket(connection)

  const prepare = async (): Promise<ConfirmChannel> => {
    const channel = await connection.createConfirmChannel()
    channel.on('error', note)
    channel.on('close', () => note(new Error('The channel was closed.')))
    if (values.queue) {
      await channel.assertQueue(values.queue, { durable: true })
      if (route.exchange !== '') await channel.bindQueue(values.queue, route.exchange, '#')
    }
    return channel
  }
  try {
    const channel = await within(prepare(), connectMs, signal, 'No channel of the broker')
    const link: RabbitmqLink = {
      channel,
      onReturn: () => undefined,
      blocked: () => blocked,
      ended: () => end,
      destroy,
      async close() {
        await within(connection.close(), closeMs, new AbortController().signal, 'No good-bye').catch(() => undefined)
        destroy()
      },
    }
    channel.on('return', ({ fields, properties }) => {
      const said: Record<string, unknown> = { ...fields }
      const words = `${String(said['replyCode'])} ${String(said['replyText'])}`
      link.onReturn(
        String(properties.messageId),
        `${words}: exchange ${fields.exchange}, routing key ${fields.routingKey}`,
      )
    })
    return link
  } catch (error) {
    destroy()
    throw end ?? error
  }
}
