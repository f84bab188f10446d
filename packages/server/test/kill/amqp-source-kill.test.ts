import { randomUUID } from 'node:crypto'
import rhea, { type Sender } from 'rhea'
import { expect, test, vi } from 'vitest'
import { closeAmqp, connectAmqp, openAmqpSender } from '../harness/amqp-client.ts'
import { createApi, readAll } from '../harness/api.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

const broker = process.env['RABBITMQ_URL']
const lacks = broker === undefined ? ', skipped, no RABBITMQ_URL' : ''
const kills = isLong ? 10 : 2
const devices = 5
const perRound = 2000
const readWithinMs = 60_000
const baseMs = 1_764_000_000_000
const instance = '/api/v1/plugins/source-amqp/instances/main'

/** As bytes: a value of AMQP 1.0 reaches readers of 0-9-1 in its own encoding. */
const toBytes = (text = ''): unknown => rhea.message.data_section(Buffer.from(text))

/** Sends all, and resolves when the broker has them. */
const sendAll = (sender: Sender, bodies: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    let accepted = 0
    let next = 0
    const go = (): void => {
      while (next < bodies.length && sender.sendable()) sender.send({ durable: true, body: toBytes(bodies[next++]) })
    }
    const onAccepted = (): void => {
      if (++accepted < bodies.length) return
      sender.removeAllListeners()
      resolve()
    }
    sender.on('accepted', onAccepted).on('sendable', go)
    sender.once('released', () => reject(new Error('The broker has no queue for it.')))
    go()
  })

test.skipIf(broker === undefined)(
  `what went by RabbitMQ is here, once, after ${kills} × kill -9 of Patchbay${lacks}`,
  { timeout: kills * 40_000 + 90_000 },
  async () => {
    const random = createRandom('amqp source kill')
    const { hostname, port, username, password } = new URL(broker ?? 'amqp://localhost')
    const queue = `patchbay-${randomUUID()}`
    const data = await makeDataFolder()
    let server = await startServer({ data: data.path })
    const connection = await connectAmqp(Number(port), { host: hostname, username, password })
    try {
      const config = {
        url: `amqp://${hostname}:${port}`,
        username,
        password,
        queue,
        bind: { exchange: 'amq.topic', routingKey: queue },
        createDevices: { type: 'default', tags: '' },
      }
      const { status } = await createApi(server.url).put(instance, { config })
      expect(status).toBe(200)
      // The queue is made with the first connection.
      await vi.waitFor(
        async () =>
          expect((await createApi(server.url).get(instance)).body).toMatchObject({
            state: 'running',
            lag: { records: 0 },
          }),
        { timeout: 10_000 },
      )
      const sender = await openAmqpSender(connection, `/exchanges/amq.topic/${queue}`)
      let sent = 0
      for (let round = 0; round < kills; round++) {
        await sendAll(
          sender,
          Array.from({ length: perRound }, (_, i) => {
            const n = sent + i
            return JSON.stringify({ device: `far-${n % devices}`, ts: baseMs + n, n })
          }),
        )
        sent += perRound
        await new Promise((resolve) => setTimeout(resolve, random.next() * 200))
        await server.kill()
        server = await startServer({ data: data.path })
      }
      const api = createApi(server.url)
      const found = async (): Promise<number[]> => {
        const ids = Array.from({ length: devices }, (_, i) => `far-${i}`)
        const lists = await Promise.all(ids.map((id) => readAll(api, id, 'n').catch(() => [])))
        return lists.flat().map(({ value }) => Number(value))
      }
      await vi.waitFor(async () => expect(new Set(await found()).size).toBe(sent), {
        timeout: readWithinMs,
        interval: 300,
      })
      const all = await found()
      console.log(
        `amqp source kill: ${kills} × kill -9 of Patchbay, ${sent} sent, missing ${sent - new Set(all).size}, doubled ${all.length - sent}, seed ${random.seed}`,
      )
      expect(all).toHaveLength(sent)
      expect((await api.get(instance)).body).toMatchObject({ state: 'running', feedStatus: { refused: 0 } })
    } finally {
      await closeAmqp(connection)
      await server.stop()
      await data.remove()
    }
  },
)
