import { Agent, request as requestPlain } from 'node:http'
import { Agent as TlsAgent, request as requestTls } from 'node:https'
import { answerTimeoutMs, type DeviceLink, type Login } from './device-link.ts'
import type { Outcome } from './tally.ts'

/** Connections that one simulated device keeps. */
const socketsPerDevice = 4

function toOutcome(status: number): Outcome {
  if (status === 200 || status === 201 || status === 204) return { kind: 'stored' }
  return { kind: 'refused', why: `HTTP ${status}` }
}

/** A device that posts its telemetry over kept-alive connections. */
export function createHttpDevice({ url, login }: { url: URL; login: Login }): DeviceLink {
  const tls = url.protocol === 'https:'
  const limits = { keepAlive: true, maxSockets: socketsPerDevice }
  const agent = tls ? new TlsAgent(limits) : new Agent(limits)
  const target = new URL(`/v1/devices/${encodeURIComponent(login.username)}/telemetry`, url)
  const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  return {
    send: (payload) =>
      new Promise<Outcome>((resolve) => {
        const body = Buffer.from(payload)
        const headers = { authorization, 'content-type': 'application/json', 'content-length': body.length }
        const call = (tls ? requestTls : requestPlain)(
          target,
          { method: 'POST', agent, headers, timeout: answerTimeoutMs },
          (response) => {
            response.resume()
            response.once('end', () => resolve(toOutcome(response.statusCode ?? 0)))
            response.once('error', (error) => resolve({ kind: 'unknown', why: error.message }))
          },
        )
        call.once('timeout', () => call.destroy(new Error('no answer in time')))
        call.once('error', (error) => resolve({ kind: 'unknown', why: error.message }))
        call.end(body)
      }),
    close: async () => agent.destroy(),
  }
}
