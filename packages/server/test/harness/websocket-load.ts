import { WebSocket } from 'ws'
import type { TestDevice } from './api.ts'
import { type Load, telemetryOf } from './mqtt-load.ts'

/** As the MQTT load, over /v1/ws: the id of a frame is its number. */
export const startWebSocketLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  let next = options.from
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, { auth: `${device.id}:${device.secret}` })
  const topic = `devices/${device.id}/telemetry`
  const publish = (): void => {
    const n = next++
    socket.send(`{"id":${n},"publish":"${topic}","payload":${telemetryOf(baseMs, n)}}`)
  }
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  socket.on('open', () => {
    for (let i = 0; i < inFlight; i++) publish()
  })
  socket.on('message', (data: Buffer) => {
    const { ack } = JSON.parse(data.toString()) as { ack?: number }
    if (ack === undefined) return
    acked.push(ack)
    begin()
    if (socket.readyState === WebSocket.OPEN) publish()
  })
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  void ended.then(begin)
  socket.on('error', () => undefined) // the kill resets the connection: `ended` tells
  return {
    acked,
    get next() {
      return next
    },
    begun,
    ended,
    close: () => socket.terminate(),
  }
}
