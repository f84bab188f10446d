import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import type { TestDevice } from './api.ts'

export interface Got {
  topic: string
  text: string
  packet: IPublishPacket
}

/** A client as a device or an application uses it, with everything that it received. */
export interface TestClient {
  readonly mqtt: MqttClient
  readonly got: Got[]
  /** The reason code of the server's DISCONNECT (MQTT 5), when one came. */
  readonly goodbye: () => number | undefined
  readonly closed: () => boolean
  /** The n-th message (0 = first), waited for. */
  next(at?: number): Promise<Got>
  end(): Promise<void>
}

let count = 0

/** mqtt.js 5, MQTT 5 unless told otherwise, that never comes back by itself. */
export const connectMqtt = async (
  port: number,
  { id, secret }: TestDevice,
  options: IClientOptions = {},
): Promise<TestClient> => {
  const got: Got[] = []
  let goodbye: number | undefined
  let closed = false
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    username: id,
    password: secret,
    protocolVersion: 5,
    clientId: `e2e-${process.pid}-${count++}`,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    ...options,
  })
  // Listening before CONNACK: a kept session's queue may come with it.
  client.on('message', (topic, payload, packet) => void got.push({ topic, text: payload.toString(), packet }))
  client.on('disconnect', (packet) => (goodbye = packet.reasonCode))
  client.on('close', () => (closed = true))
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before CONNACK')))
  }).catch((error: unknown) => {
    client.end(true)
    throw error
  })
  client.on('error', () => undefined) // what follows is seen as 'close'
  return {
    mqtt: client,
    got,
    goodbye: () => goodbye,
    closed: () => closed,
    async next(at = 0) {
      await expect.poll(() => got.length, { timeout: 5000, interval: 10 }).toBeGreaterThan(at)
      const found = got[at]
      if (!found) throw new Error('no message')
      return found
    },
    async end() {
      await client.endAsync(closed)
    },
  }
}

/** The device's own HTTP, with Basic. */
export const createDeviceHttp =
  (url: string, { id, secret }: TestDevice) =>
  async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/v1/${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}`, ...headers },
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') && text !== ''
    return { status: answer.status, body: isJson ? JSON.parse(text) : text }
  }
