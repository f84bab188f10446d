import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { StartedPlugin } from '@patchbay/testkit'
import rhea, { type Connection, type ConnectionOptions, type EventContext, type Message, type Sender } from 'rhea'

export const manifest = new URL('../plugin.json', import.meta.url)

/** A client of the library rhea on a real connection to the adapter. */
export async function connectClient(
  host: StartedPlugin,
  options: Partial<ConnectionOptions> & { certificate?: { deviceId: string; fingerprint: string } } = {},
): Promise<Connection> {
  const { certificate, ...more } = options
  const socket: Socket = await host.connect(certificate ? { encrypted: true, certificate } : {})
  const container = rhea.create_container()
  container.on('error', () => undefined)
  const connection = container.create_connection({
    reconnect: false,
    connection_details: () => ({
      host: 'localhost',
      port: 0,
      connect(_port: number, _host: string, _options: unknown, connected: () => void) {
        setImmediate(connected)
        return socket
      },
    }),
    ...more,
  } as ConnectionOptions)
  await new Promise<void>((resolve, reject) => {
    connection.once('connection_open', () => resolve())
    connection.once('connection_error', () => reject(new Error(String(connection.get_error()))))
    connection.once('disconnected', ({ error }) => reject(error ?? new Error('disconnected')))
    connection.connect()
  })
  connection.on('connection_error', () => undefined)
  connection.on('disconnected', () => undefined)
  connection.on('error', () => undefined)
  return connection
}

export const plain = (id: string, secret: string) => ({ username: id, password: secret })

export async function openSender(
  connection: Connection,
  target: string | { address?: string },
  more: object = {},
): Promise<Sender> {
  const sender = connection.open_sender({ target: typeof target === 'string' ? { address: target } : target, ...more })
  await once(sender, 'sendable')
  return sender
}

export type Outcome = { accepted: true } | { released: true } | { rejected: { condition: string; description: string } }

/** Sends one message and waits for what becomes of it. */
export const sendOne = (sender: Sender, message: Message): Promise<Outcome> =>
  new Promise((resolve) => {
    const delivery = sender.send(message)
    const hear = (name: 'accepted' | 'released' | 'rejected', toOutcome: (context: EventContext) => Outcome) =>
      sender.on(name, (context) => {
        if (context.delivery === delivery) resolve(toOutcome(context))
      })
    hear('accepted', () => ({ accepted: true }))
    hear('released', () => ({ released: true }))
    hear('rejected', ({ delivery: each }) => {
      const { condition, description } = (each as unknown as { remote_state: { error: any } }).remote_state.error
      return { rejected: { condition, description } }
    })
  })

export async function closeClient(connection: Connection): Promise<void> {
  const closed = once(connection, 'connection_close')
  connection.close()
  await closed
}
