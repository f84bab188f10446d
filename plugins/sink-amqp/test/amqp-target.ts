import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'
import { type Channel, connect } from 'amqplib'

/** A RabbitMQ that was started for the tests, with user and password in its address. */
export const rabbitmqUrl = process.env['RABBITMQ_URL']

/** A message that was taken out of a queue. */
export interface TakenMessage {
  routingKey: string
  properties: Record<string, unknown>
  body: any
}

export interface AmqpTarget extends SinkTarget {
  readonly exchange: string
  readonly queue: string
  /** Takes all messages out of a queue. */
  take(queue?: string): Promise<TakenMessage[]>
  run<T>(work: (channel: Channel) => Promise<T>): Promise<T>
}

/** A channel for one thing to do. */
async function withBroker<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(rabbitmqUrl ?? '', { timeout: 3000 })
  connection.on('error', () => undefined)
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    return await work(channel)
  } finally {
    await connection.close().catch(() => undefined)
  }
}

/** An exchange of the test's own and a queue that gets all of it. */
export async function openAmqpTarget(more: Record<string, unknown> = {}): Promise<AmqpTarget> {
  const server = new URL(rabbitmqUrl ?? 'amqp://nowhere')
  const outage = await openOutage('rabbitmq', server.href)
  const name = `patchbay-${randomBytes(6).toString('hex')}`
  await withBroker(async (channel) => {
    await channel.assertExchange(name, 'topic', { durable: true })
    await channel.assertQueue(name, { durable: true })
    await channel.bindQueue(name, name, '#')
  })
  let kept: TakenMessage[] = []
  const take: AmqpTarget['take'] = (queue = name) =>
    withBroker(async (channel) => {
      const found: TakenMessage[] = []
      for (;;) {
        const { messageCount } = await channel.checkQueue(queue)
        if (messageCount === 0) return found
        // Many at once: one after the other would take a while.
        const some = await Promise.all(Array.from({ length: messageCount }, () => channel.get(queue, { noAck: true })))
        for (const message of some)
          if (message)
            found.push({
              routingKey: message.fields.routingKey,
              properties: { ...message.properties },
              body: JSON.parse(message.content.toString()),
            })
      }
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
      return kept.flatMap(({ body: { device, at, values } }) => toPoints([{ device, at: toMicros(at), values }]))
    },
    async wipe() {
      kept = []
      await withBroker((channel) => channel.purgeQueue(name))
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      for (let tries = 0; tries < 100; tries++) {
        const ready = await withBroker(async () => undefined).then(
          () => true,
          () => false,
        )
        if (ready) return
        await wait(100)
      }
    },
    async close() {
      await withBroker(async (channel) => {
        await channel.deleteQueue(name)
        await channel.deleteExchange(name)
      })
      await outage.close()
    },
  }
}
