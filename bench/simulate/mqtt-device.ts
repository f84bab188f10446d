import { connectAsync, type IClientOptions } from 'mqtt'
import { answerTimeoutMs, type DeviceLink, LinkError, type Login } from './device-link.ts'
import type { Outcome } from './tally.ts'

export interface MqttOptions {
  /** Address of the platform; http and https stand for MQTT without and with TLS on the same port. */
  url: URL
  login: Login
  qos: 0 | 1
  connectTimeoutMs: number
}

const reconnectMs = 1000

/** The MQTT address of the one port. */
export function toMqttUrl(url: URL): string {
  const scheme = url.protocol === 'https:' ? 'mqtts' : 'mqtt'
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return `${scheme}://${url.hostname}:${port}`
}

function toOutcome(error: Error): Outcome {
  const code = 'code' in error ? error.code : undefined
  // MQTT 5 reason codes from 0x80 up are refusals; anything else (a cut line, a closing client) leaves the outcome open.
  if (typeof code === 'number' && code >= 0x80) {
    return { kind: 'refused', why: `MQTT 0x${code.toString(16).padStart(2, '0')}` }
  }
  return { kind: 'unknown', why: error.message }
}

/** Connects a device by MQTT 5. Rejects when the platform does not let it in. */
export async function createMqttDevice({ url, login, qos, connectTimeoutMs }: MqttOptions): Promise<DeviceLink> {
  const options: IClientOptions = {
    protocolVersion: 5,
    clientId: `${login.username}-sim`,
    username: login.username,
    password: login.password,
    clean: true,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: reconnectMs,
    // Messages that a broken line swallowed are not sent again: their outcome stays unknown, as a plain device would see it.
    resubscribe: false,
    queueQoSZero: false,
  }
  const address = toMqttUrl(url)
  const client = await connectAsync(address, options, false).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new LinkError(`${login.username} cannot connect to ${address}: ${why}`, { cause })
  })
  // Cut lines show in the outcomes of the messages; without a listener the event would end the process.
  client.on('error', () => {})
  const topic = `devices/${login.username}/telemetry`
  return {
    send: (payload) =>
      new Promise<Outcome>((resolve) => {
        const timer = setTimeout(() => resolve({ kind: 'unknown', why: 'no PUBACK in time' }), answerTimeoutMs)
        client.publish(topic, payload, { qos }, (error) => {
          clearTimeout(timer)
          if (error) resolve(toOutcome(error))
          else resolve({ kind: qos === 0 ? 'sent' : 'stored' })
        })
      }),
    close: () => client.endAsync(),
  }
}
