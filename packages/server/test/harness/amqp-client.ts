import { once } from 'node:events'
import rhea, { type Connection, type ConnectionOptions, type Delivery, type EventContext, type Sender } from 'rhea'

/** A connection of the library rhea. Rejects with what the server said of it. */
export const connectAmqp = async (port: number, options: Partial<ConnectionOptions>): Promise<Connection> => {
  const container = rhea.create_container()
  container.on('error', () => undefined) // told by `disconnected` too
  const connection = container.create_connection({
    host: 'localhost',
    port,
    reconnect: false,
    ...options,
  })
  await new Promise<void>((resolve, reject) => {
    connection.once('connection_open', () => resolve())
    connection.once('connection_error', () => reject(new Error(String(connection.get_error()))))
    connection.once('disconnected', ({ error }) => reject(error ?? new Error('disconnected')))
    connection.connect()
  })
  for (const event of ['connection_error', 'disconnected', 'error']) connection.on(event, () => undefined)
  return connection
}

export const openAmqpSender = async (connection: Connection, address: string): Promise<Sender> => {
  const sender = connection.open_sender(address)
  await once(sender, 'sendable')
  return sender
}

/** Sends one message: `accepted`, `released`, or the condition that it was rejected with. */
export const sendAmqp = (sender: Sender, body: unknown): Promise<string> =>
  new Promise((resolve) => {
    const delivery: Delivery = sender.send({ body })
    for (const name of ['accepted', 'released', 'rejected']) {
      sender.on(name, (context: EventContext) => {
        if (context.delivery !== delivery) return
        const state = context.delivery.remote_state as { error?: { condition: string } } | undefined
        resolve(name === 'rejected' ? (state?.error?.condition ?? name) : name)
      })
    }
  })

export const closeAmqp = async (connection: Connection): Promise<void> => {
  const closed = once(connection, 'connection_close')
  connection.close()
  await closed
}
