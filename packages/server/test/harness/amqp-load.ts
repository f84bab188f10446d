import rhea, { type Delivery, type EventContext } from 'rhea'
import type { TestDevice } from './api.ts'
import { type Load, telemetryOf } from './mqtt-load.ts'

/** As the MQTT load, over AMQP 1.0: a message counts when it is accepted. */
export const startAmqpLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  const pending = new Map<Delivery, number>()
  let next = options.from
  const container = rhea.create_container()
  const connection = container.create_connection({
    host: '127.0.0.1',
    port,
    reconnect: false,
    username: device.id,
    password: device.secret,
  })
  const sender = connection.open_sender(`devices/${device.id}/telemetry`)
  const fill = (): void => {
    while (sender.sendable() && pending.size < inFlight) {
      const n = next++
      pending.set(sender.send({ body: telemetryOf(baseMs, n) }), n)
    }
  }
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  sender.on('sendable', fill)
  sender.on('accepted', ({ delivery }: EventContext) => {
    const n = delivery && pending.get(delivery)
    if (!delivery || n === undefined) return
    pending.delete(delivery)
    acked.push(n)
    begin()
    fill()
  })
  const ended = new Promise<void>((resolve) => {
    connection.on('disconnected', () => resolve())
    connection.on('connection_close', () => resolve())
  })
  void ended.then(begin)
  container.on('error', () => undefined) // the kill resets the connection: `ended` tells
  connection.connect()
  return {
    acked,
    get next() {
      return next
    },
    begun,
    ended,
    close: () => connection.close(),
  }
}
