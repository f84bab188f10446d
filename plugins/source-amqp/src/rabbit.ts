import { type AsyncMessage, Connection, type ConnectionOptions, ConsumerStatus } from 'rabbitmq-client'
import { toAddress } from './address.ts'
import type { Config } from './config.ts'
import type { Outcome } from './inbox.ts'
import { toSourceMessage } from './message.ts'
import { atMost, closeMs, type Reader, type ReaderOptions } from './reader.ts'

const connectMs = 5000
const retryMs = { low: 500, high: 5000 }

const statusOf: Record<Outcome, ConsumerStatus> = {
  accept: ConsumerStatus.ACK,
  reject: ConsumerStatus.DROP,
  requeue: ConsumerStatus.REQUEUE,
}

const toOptions = (config: Config): ConnectionOptions => {
  const { host, port, isTls, vhost } = toAddress(config)
  return {
    hostname: host,
    port,
    vhost,
    username: config.username ?? 'guest',
    password: config.password ?? 'guest',
    connectionName: 'patchbay source-amqp',
    connectionTimeout: connectMs,
    acquireTimeout: connectMs,
    heartbeat: 10,
    retryLow: retryMs.low,
    retryHigh: retryMs.high,
    ...(isTls ? { tls: { servername: host, ...(config.ca === undefined ? {} : { ca: config.ca }) } } : {}),
  }
}

const toWords = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const toMessage = ({ body, messageId, routingKey, headers }: AsyncMessage, queue: string) =>
  toSourceMessage({ body, messageId, topic: routingKey, headers: headers ?? {} }, queue)

/** A passive declaration: asks for a queue and makes none. */
const asked = (queue: string): { queue: string; passive: true } => ({ queue, passive: true })

/** Reads a queue by AMQP 0-9-1. The client connects again by itself; what was not acknowledged is then given again. */
export function readRabbit({ config, inbox, trouble, lag }: ReaderOptions): Reader {
  const { queue, bind, prefetch } = config
  const connection = new Connection(toOptions(config))
  const consumer = connection.createConsumer(
    {
      queue,
      qos: { prefetchCount: prefetch },
      queueOptions: bind ? { queue, durable: true } : asked(queue),
      ...(bind ? { queueBindings: [{ queue, exchange: bind.exchange, routingKey: bind.routingKey }] } : {}),
    },
    (message) =>
      new Promise((resolve) => inbox.offer(toMessage(message, queue), (outcome) => resolve(statusOf[outcome]))),
  )
  // Without an ear, a connection that is cut would end the process.
  connection.on('error', (error) => trouble(toWords(error)))
  consumer.on('error', (error) => trouble(toWords(error)))
  let isReady = false
  consumer.on('ready', () => {
    isReady = true
    trouble(undefined)
  })

  let waitsSince = 0
  const tellLag = async (): Promise<void> => {
    if (!isReady) return
    try {
      const { messageCount } = await connection.queueDeclare(asked(queue))
      const records = messageCount + inbox.size
      waitsSince = records === 0 ? 0 : waitsSince || performance.now()
      lag({ records, seconds: waitsSince === 0 ? 0 : (performance.now() - waitsSince) / 1000 })
    } catch {
      isReady = false // the consumer hears of it and says so
    }
  }

  return {
    tellLag,
    async close() {
      const closed = (async () => {
        await consumer.close()
        await connection.close()
      })()
      if (!(await atMost(closeMs, closed))) connection.unsafeDestroy()
    },
  }
}

/** Connects once and asks for the queue. */
export async function describeRabbit(config: Config): Promise<string> {
  const connection = new Connection({ ...toOptions(config), retryLow: connectMs, retryHigh: connectMs })
  try {
    const failed = new Promise<never>((_, reject) => connection.on('error', reject))
    const { queue, bind } = config
    const { messageCount, consumerCount } = await Promise.race([
      connection.queueDeclare(bind ? { queue, durable: true } : asked(queue)),
      failed,
    ])
    return `The queue ${config.queue} has ${messageCount} messages and ${consumerCount} consumers.`
  } finally {
    connection.on('error', () => undefined)
    if (!(await atMost(closeMs, connection.close()))) connection.unsafeDestroy()
  }
}
