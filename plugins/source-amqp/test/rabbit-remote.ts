import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SourceRemote } from '@patchbay/testkit'
import { Connection } from 'rabbitmq-client'

/** A RabbitMQ that was started for the tests. */
export const rabbitUrl = process.env['RABBITMQ_URL']

export interface RabbitRemote extends SourceRemote {
  readonly queue: string
  readonly connection: Connection
}

/** A durable queue of the test's own; another one after each wipe. */
export async function openRabbitRemote(more: Record<string, unknown> = {}): Promise<RabbitRemote> {
  const outage = await openOutage('rabbitmq', rabbitUrl ?? '')
  const url = new URL(rabbitUrl ?? 'amqp://localhost')
  // It connects again by itself.
  const connection = new Connection({ url: rabbitUrl ?? '', retryLow: 200, retryHigh: 500 })
  connection.on('error', () => undefined)
  const publisher = connection.createPublisher({ confirm: true, maxAttempts: 5 })
  let queue = ''
  const made: string[] = []
  const wipe = async (): Promise<void> => {
    queue = `patchbay-source-${randomBytes(6).toString('hex')}`
    await connection.queueDeclare({ queue, durable: true })
    made.push(queue)
  }
  await wipe()
  const { username, password } = url
  const target = new URL(outage.url)

  return {
    get queue() {
      return queue
    },
    connection,
    config: () => ({ url: `amqp://${target.hostname}:${target.port}`, username, password, queue, ...more }),
    async send(messages) {
      for (let from = 0; from < messages.length; from += 500)
        await Promise.all(
          messages
            .slice(from, from + 500)
            .map(({ body }) =>
              publisher.send(
                { routingKey: queue, durable: true, contentType: 'application/octet-stream' },
                Buffer.from(body),
              ),
            ),
        )
    },
    waiting: async () => (await connection.queueDeclare({ queue, passive: true })).messageCount,
    wipe,
    stop: outage.stop,
    async start() {
      await outage.start()
      if (outage.how !== 'kill -9') return
      for (let tries = 0; tries < 100; tries++) {
        const ready = await connection.queueDeclare({ queue, passive: true }).then(
          () => true,
          () => false,
        )
        if (ready) return
        await wait(100)
      }
    },
    async close() {
      for (const each of made) await connection.queueDelete({ queue: each })
      await publisher.close()
      await connection.close()
      await outage.close()
    },
  }
}
