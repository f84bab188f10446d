import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'
import { Connection, type ConsumerProps, type SyncMessage } from 'rabbitmq-client'

/** A RabbitMQ that was started for the tests, with user and password in its address. */
export const rabbitmqUrl = process.env['RABBITMQ_URL']

export interface AmqpTarget extends SinkTarget {
  readonly exchange: string
  readonly queue: string
  /** Takes all messages out of a queue. */
  take(queue?: string): Promise<SyncMessage[]>
  run<T>(work: (connection: Connection) => Promise<T>): Promise<T>
}

/** A connection for one thing to do. */
async function withBroker<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection({ url: rabbitmqUrl ?? '', connectionTimeout: 3000 })
  connection.on('error', () => undefined)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** An exchange of the test's own and a queue that gets all of it. */
export async function openAmqpTarget(more: Record<string, unknown> = {}): Promise<AmqpTarget> {
  const server = new URL(rabbitmqUrl ?? 'amqp://nowhere')
  const outage = await openOutage('rabbitmq', server.href)
  const name = `patchbay-${randomBytes(6).toString('hex')}`
  await withBroker(async (connection) => {
    await connection.exchangeDeclare({ exchange: name, type: 'topic', durable: true })
    await connection.queueDeclare({ queue: name, durable: true })
    await connection.queueBind({ queue: name, exchange: name, routingKey: '#' })
  })
  let kept: SyncMessage[] = []
  const take: AmqpTarget['take'] = (queue = name) =>
    withBroker(async (connection) => {
      const found: SyncMessage[] = []
      const { messageCount } = await connection.queueDeclare({ queue, passive: true })
      const props: ConsumerProps = { queue, noAck: true, queueOptions: { passive: true } }
      if (messageCount === 0) return found
      const all = Promise.withResolvers<void>()
      const consumer = connection.createConsumer(props, (message) => {
        found.push({ ...message, messageCount: 0 })
        if (found.length === messageCount) all.resolve()
      })
      consumer.on('error', all.reject)
      await all.promise
      await consumer.close()
      return found
    })
  return {
    exchange: name,
    queue: name,
    take,
    run: withBroker,
    config() {
      const url = new URL(outage.url)
      const username = decodeURIComponent(url.username)
      const password = decodeURIComponent(url.password)
      url.username = ''
      url.password = ''
      return { url: url.href.replace(/\/$/, ''), username, password, exchange: name, ...more }
    },
    async rows(): Promise<TargetPoint[]> {
      kept = [...kept, ...(await take())]
      return kept.flatMap(({ body }) => {
        const { device, at, values } = JSON.parse(Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body))
        return toPoints([{ device, at: toMicros(at), values }])
      })
    },
    async wipe() {
      kept = []
      await withBroker((connection) => connection.queuePurge(name))
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      for (let tries = 0; tries < 100; tries++) {
        const ready = await withBroker((connection) => connection.onConnect(2000)).then(
          () => true,
          () => false,
        )
        if (ready) return
        await wait(100)
      }
    },
    async close() {
      await withBroker(async (connection) => {
        await connection.queueDelete(name)
        await connection.exchangeDelete({ exchange: name })
      })
      await outage.close()
    },
  }
}
