import type { Packet } from 'mqtt-packet'
import { expect, vi } from 'vitest'
import { RawClient } from './start-adapter.ts'

export const until = (check: () => void | Promise<void>, timeout = 4_000) => vi.waitFor(check, { timeout, interval: 5 })

export const textOf = (packet: Packet) => ('payload' in packet ? String(packet.payload) : '')
export const textsOf = (raw: RawClient) => raw.of('publish').map(textOf)

export async function logIn(
  port: number,
  version: 4 | 5,
  clientId: string,
  fields: Record<string, unknown> = {},
): Promise<RawClient> {
  const raw = new RawClient(port, version)
  raw.connect({ clientId, ...fields })
  await until(() => expect(raw.of('connack')).toHaveLength(1))
  return raw
}

export async function subscribe(raw: RawClient, topic: string, fields: Record<string, unknown> = {}): Promise<void> {
  const before = raw.of('suback').length
  const { properties, ...options } = fields
  raw.send({
    cmd: 'subscribe',
    messageId: before + 1,
    subscriptions: [{ topic, qos: 1, ...options } as never],
    ...(properties === undefined ? {} : { properties }),
  } as Packet)
  await until(() => expect(raw.of('suback')).toHaveLength(before + 1))
}

export const publish = (text: string, fields: Record<string, unknown> = {}) =>
  ({
    cmd: 'publish',
    topic: 'devices/a/x',
    payload: text,
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
    ...fields,
  }) as Packet
