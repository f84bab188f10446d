import { BadConfig, type SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'

const defaultExchange = 'amq.topic'
/** A short string of AMQP. */
const maxKeyBytes = 255

/** Where a record goes. */
export interface Route {
  readonly exchange: string
  routingKeyOf(record: SinkRecord): string
  /** The node of AMQP 1.0: RabbitMQ's spelling of exchange and key, unless one is named. */
  nodeOf(record: SinkRecord): string
}

/** Words of a routing key end at dots, and `*` and `#` stand for words where queues are bound: none of them may come from a device. */
const cleanWord = (text: string): string => text.replaceAll(/[^A-Za-z0-9_:-]/g, '_')

const cut = (text: string): string => Buffer.from(text).subarray(0, maxKeyBytes).toString().replaceAll('\uFFFD', '')

/** Reads the templates; throws BadConfig. */
export function toRoute(values: Pick<Config, 'protocol' | 'exchange' | 'routingKey' | 'queue' | 'address'>): Route {
  const { protocol, routingKey, queue, address } = values
  const read = (path: string, text: string): NameTemplate =>
    readNameTemplate({ path, text, fields: ['device', 'type', 'tag'], clean: cleanWord })
  const key = read('/routingKey', routingKey)
  if (protocol === '1.0' && queue) throw new BadConfig('/queue', 'Queues are made by 0-9-1 only.')
  // Straight into the queue: the default exchange knows it by its name.
  if (queue && !values.exchange) return { exchange: '', routingKeyOf: () => queue, nodeOf: () => queue }
  const exchange = values.exchange ?? defaultExchange
  const routingKeyOf = (record: SinkRecord): string => cut(key.of(record))
  const node = address ? read('/address', address) : undefined
  return {
    exchange,
    routingKeyOf,
    nodeOf: (record) =>
      // [RabbitMQ 4, address format v2]: names are percent-encoded.
      node?.of(record) ?? `/exchanges/${encodeURIComponent(exchange)}/${encodeURIComponent(routingKeyOf(record))}`,
  }
}
