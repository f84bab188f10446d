import http from 'node:http'
import type { TestDevice } from './api.ts'
import { type Load, telemetryOf } from './mqtt-load.ts'

/** As the MQTT load, with POST /v1/devices/{id}/telemetry over keep-alive connections. */
export const startHttpLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  let next = options.from
  let open = 0
  let closed = false
  const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight })
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const leave = (): void => {
    open--
    if (open === 0) {
      agent.destroy()
      end()
    }
  }
  const post = (): void => {
    const n = next++
    const request = http.request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: `/v1/devices/${device.id}/telemetry`,
        auth: `${device.id}:${device.secret}`,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume()
        response.on('end', () => {
          if (response.statusCode === 204) acked.push(n)
          if (closed || response.statusCode !== 204) leave()
          else post()
        })
        response.on('error', leave)
      },
    )
    request.on('error', leave)
    request.end(telemetryOf(baseMs, n))
  }
  for (let i = 0; i < inFlight; i++) {
    open++
    post()
  }
  return {
    acked,
    get next() {
      return next
    },
    ended,
    close() {
      closed = true
    },
  }
}
