import type { TestDevice } from './api.ts'
import { connectGrpc, type GrpcAck } from './grpc-client.ts'
import { type Load, telemetryOf } from './mqtt-load.ts'

/** As the MQTT load, over a PublishStream of gRPC: a message counts when its Ack says that it is durable. */
export const startGrpcLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  let next = options.from
  const client = connectGrpc(port, { auth: `${device.id}:${device.secret}` })
  const stream = client.publishStream()
  const topic = `devices/${device.id}/telemetry`
  const publish = (): void => {
    const n = next++
    stream.write({ topic, payload: Buffer.from(telemetryOf(baseMs, n)), id: n })
  }
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  stream.on('data', ({ id, code }: GrpcAck) => {
    begin()
    if (code !== 0) return
    acked.push(Number(id))
    publish()
  })
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  stream.on('error', () => undefined) // the kill resets the connection: `ended` tells
  stream.on('status', () => {
    client.close()
    begin()
    end()
  })
  for (let i = 0; i < inFlight; i++) publish()
  return {
    acked,
    get next() {
      return next
    },
    begun,
    ended,
    close: () => stream.end(),
  }
}
