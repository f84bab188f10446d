import type { Sink, WriteAnswer } from '@patchbay/sdk'
import { runSink, sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { type AmqpTarget, openAmqpTarget, rabbitmqUrl } from './amqp-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const options = { attempt: 1, signal: new AbortController().signal }
const skipped = rabbitmqUrl === undefined ? ', skipped, no RABBITMQ_URL' : ''

describe.skipIf(rabbitmqUrl === undefined).for(['0-9-1', '1.0'] as const)(
  `RabbitMQ by AMQP %s${skipped}`,
  (protocol) => {
    sinkContract({
      plugin,
      manifest,
      sink: 'amqp',
      target: () => openAmqpTarget({ protocol }),
      badConfigs: [
        { url: 'http://rabbitmq' },
        { url: 'amqp://guest:guest@rabbitmq' },
        { url: 'amqp://169.254.169.254' },
        { url: 'amqp://rabbitmq?heartbeat=1' },
        { routingKey: '{key}' },
        { routingKey: 'readings.{' },
        ...(protocol === '1.0' ? [{ queue: 'readings' }] : []),
      ],
      wrong: [
        { config: { url: 'amqp://127.0.0.1:1' }, says: /ECONNREFUSED/ },
        { config: { password: 'not-the-password' }, says: /ACCESS_REFUSED|[Aa]uthentication|amqp:unauthorized-access/ },
        { config: { exchange: 'nobodys' }, says: /no exchange 'nobodys'|not-found/ },
      ],
      secrets: ['not-the-password'],
      idempotent: false,
      ordered: true,
      front: {
        url: () => rabbitmqUrl ?? '',
        tls: 'at once',
        config: ({ host, port, ca }) => ({ url: `${ca ? 'amqps' : 'amqp'}://${host}:${port}`, ...(ca ? { ca } : {}) }),
      },
    })
  },
)

describe.skipIf(rabbitmqUrl === undefined).for(['0-9-1', '1.0'] as const)(
  `a message to RabbitMQ by AMQP %s${skipped}`,
  (protocol) => {
    let target: AmqpTarget
    beforeAll(async () => {
      target = await openAmqpTarget({ protocol })
    })
    beforeEach(() => target.wipe())
    afterAll(() => target?.close())

    async function withSink<T>(config: Record<string, unknown>, work: (sink: Sink) => Promise<T>): Promise<T> {
      const host = await startPlugin(plugin, { manifest, config: { ...target.config(), ...config } })
      try {
        const sink = host.sinks.get('amqp')
        if (!sink) throw new Error(JSON.stringify(host.status))
        return await work(sink)
      } finally {
        await host.stop()
      }
    }
    const straightTo = (queue: string) =>
      protocol === '1.0' ? { address: `/queues/${queue}` } : { exchange: `${queue}-in`, routingKey: 'x' }
    const withQueue = async <T>(queue: string, arguments_: object, work: () => Promise<T>): Promise<T> => {
      const exchange = `${queue}-in`
      await target.run(async (channel) => {
        await channel.assertQueue(queue, { durable: true, arguments: arguments_ })
        await channel.assertExchange(exchange, 'fanout')
        await channel.bindQueue(queue, exchange, '')
      })
      try {
        return await work()
      } finally {
        await target.run(async (channel) => {
          await channel.deleteQueue(queue)
          await channel.deleteExchange(exchange)
        })
      }
    }

    test('a message is lasting JSON that says whose it is, under the routing key of its template', async () => {
      const [record] = toRecords({ count: 1 })
      if (!record) throw new Error('no record')
      await withSink({ routingKey: 'readings.{type}.{device}.{tag:site}' }, (sink) =>
        sink.write([{ ...record, device: 'a.b:1', tags: ['site:Köln #1'] }], options),
      )
      const [message] = await target.take()
      expect(message).toMatchObject({
        routingKey: 'readings.meter.a_b:1.K_ln__1',
        properties: {
          deliveryMode: 2,
          contentType: 'application/json',
          messageId: 'w:1',
          timestamp: 1_764_000_000,
        },
      })
      expect(message?.body).toEqual({
        device: 'a.b:1',
        at: '2025-11-24T16:00:00.000Z',
        values: { n: 0 },
      })
    })

    test('what no queue is bound for is refused in the broker’s words, and holds nothing else up', async () => {
      const records = toRecords({ count: 1000 }).map((record, n) =>
        n === 500 ? { ...record, type: 'nowhere' } : record,
      )
      const other = `${target.exchange}-other`
      await target.run(async (channel) => {
        await channel.assertExchange(other, 'direct')
        await channel.bindQueue(target.queue, other, 'meter')
      })
      const answer = await withSink({ exchange: other, routingKey: '{type}' }, (sink) => sink.write(records, options))
      await target.run((channel) => channel.deleteExchange(other))
      expect(answer).toEqual<WriteAnswer>({
        outcome: 'partial',
        refused: [
          {
            index: 500,
            reply:
              protocol === '1.0'
                ? 'released: no queue is bound for it'
                : `312 NO_ROUTE: exchange ${other}, routing key nowhere`,
          },
        ],
        retry: [],
      })
      expect(await target.take()).toHaveLength(999)
    })

    test('a queue that is full is waited for, and gets everything once it has room', async () => {
      const queue = `${target.queue}-full`
      const records = toRecords({ count: 60, devices: 1 })
      const taken = await withQueue(queue, { 'x-max-length': 20, 'x-overflow': 'reject-publish' }, () =>
        withSink(straightTo(queue), async (sink) => {
          const state: { run?: Awaited<ReturnType<typeof runSink>> } = {}
          const running = runSink(sink, records, { batch: 15, limitMs: 20_000 }).then((run) => (state.run = run))
          const numbers = new Set<unknown>()
          const drain = async (): Promise<void> => {
            for (const { body } of await target.take(queue)) numbers.add(body.values.n)
          }
          while (!state.run) await drain()
          await drain()
          return { numbers, ...(await running) }
        }),
      )
      expect(taken.refused).toEqual([])
      expect(taken.numbers.size).toBe(60)
    })

    test('a queue that nobody empties is told as the reason to wait', async () => {
      const queue = `${target.queue}-full`
      const answer = await withQueue(queue, { 'x-max-length': 20, 'x-overflow': 'reject-publish' }, () =>
        withSink(straightTo(queue), (sink) => sink.write(toRecords({ count: 60 }), options)),
      )
      expect(answer).toMatchObject({ outcome: 'partial', refused: [] })
      expect(answer.outcome === 'partial' && answer.retry.length).toBeGreaterThan(0)
      expect(answer.outcome === 'partial' && answer.retry[0]?.reply).toMatch(/message nacked|exceeded maximum length/)
    })
    test.runIf(protocol === '0-9-1')(
      'a queue that is named is made and filled; the Test button counts it',
      async () => {
        const queue = `${target.queue}-made`
        const host = await startPlugin(plugin, { manifest, config: { ...target.config(), exchange: undefined, queue } })
        const sink = host.sinks.get('amqp')
        expect(await sink?.write(toRecords({ count: 3 }), options)).toEqual({ outcome: 'delivered' })
        expect(await host.verify({ ...target.config(), exchange: undefined, queue })).toMatchObject({
          ok: true,
          reply: expect.stringContaining(`4 are in ${queue}`),
        })
        await host.stop()
        expect(await target.take(queue)).toHaveLength(4)
        await target.run((channel) => channel.deleteQueue(queue))
      },
    )
  },
)
