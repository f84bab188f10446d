import {
  Admin,
  type BaseOptions,
  compatibilityPartitioner,
  type ProduceResult,
  Producer,
  stringSerializers,
} from '@platformatic/kafka'
import type { Sink, WriteAnswer } from '@patchbay/sdk'
import { answerOfWrite, type OpenedSink, toReply, WriteRefused } from '@patchbay/sdk/sink'
import { assertBrokers } from './brokers.ts'
import type { Config } from './config.ts'
import { toFailure } from './failure.ts'
import { type OutMessage, toMessage, toRequests, toRoute } from './messages.ts'

/** The client would go on for ever without a number above 1. */
const retries = 2
const retryDelayMs = 250
const connectMs = 4000
const requestMs = 10_000
/** One request with all its retries; then the producer is given up, for what it still has under way must not come later. */
const sendMs = 9000

type Out = Producer<string, string, string, string>

const timedOut = `No answer within ${sendMs / 1000} s.`

const toClient = (values: Config): BaseOptions => {
  const { brokers, sasl, tls, ca } = values
  return {
    clientId: 'patchbay',
    bootstrapBrokers: [...brokers],
    retries,
    retryDelay: retryDelayMs,
    connectTimeout: connectMs,
    requestTimeout: requestMs,
    timeout: requestMs,
    autocreateTopics: true,
    ...(sasl ? { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } } : {}),
    ...(tls ? { tls: ca ? { ca } : {}, tlsServerName: true } : {}),
  }
}

export interface OpenKafka extends OpenedSink {
  close(): Promise<void>
}

export function openKafka(values: Config, stop: AbortSignal): OpenKafka {
  const secrets = [values.sasl?.password]
  const route = toRoute(values)
  let producer: Out | undefined
  let placed: ProduceResult | undefined

  const open = async (): Promise<Out> => {
    if (producer) return producer
    await assertBrokers(values)
    return (producer = new Producer({
      ...toClient(values),
      idempotent: true,
      compression: values.compression,
      // Places keys as other clients do.
      partitioner: compatibilityPartitioner,
      serializers: stringSerializers,
    }))
  }
  const giveUp = async (): Promise<void> => {
    const old = producer
    producer = undefined
    // It rejects for what it had under way, which its own caller hears of.
    await old?.close(true).catch(() => undefined)
  }

  async function send(messages: OutMessage[], signal: AbortSignal): Promise<void> {
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const end = (why: string) => (): void => reject(new Error(why))
    const timer = setTimeout(end(timedOut), sendMs)
    const onAbort = end('The try was given up.')
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal.aborted) throw new Error('The try was given up.')
      const sending = (await open()).send({ messages })
      // Whoever loses the race must not be an error that nobody awaited.
      sending.catch(() => undefined)
      placed = await Promise.race([sending, ended])
    } catch (error) {
      await giveUp()
      throw error
    } finally {
      ended.catch(() => undefined)
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  const sink: Sink = {
    write: (records, options) =>
      answerOfWrite(async (): Promise<WriteAnswer> => {
        const signal = AbortSignal.any([stop, options.signal])
        const messages = records.map((record) => toMessage(record, route))
        let delivered = 0
        // One after the other: several at once came out of order and twice after a kill of the broker.
        for (const request of toRequests(messages)) {
          try {
            await send(request, signal)
          } catch (error) {
            const { words, refused } = toFailure(error)
            if (delivered === 0)
              throw refused ? new WriteRefused(words, { cause: error }) : new Error(words, { cause: error })
            // What lies before it is safe; the next try begins here and is told the rest.
            const reply = toReply(words, secrets)
            const rest = records.slice(delivered).map((_, index) => ({ index: delivered + index, reply }))
            return { outcome: 'partial', refused: [], retry: rest }
          }
          delivered += request.length
        }
        return { outcome: 'delivered' }
      }, secrets),
  }

  return {
    sink,
    async readBack() {
      const [place] = placed?.offsets ?? []
      if (!place) throw new Error('The broker took a message and did not say where it is.')
      const admin = new Admin(toClient(values))
      try {
        const ends = await admin.listOffsets({
          topics: [{ name: place.topic, partitions: [{ partitionIndex: place.partition, timestamp: -1n }] }],
        })
        const end = ends[0]?.partitions[0]?.offset ?? -1n
        if (end <= place.offset) throw new Error(`The broker took a message, but ${place.topic} ends before it.`)
        return `Kafka has a message of the device _patchbay_probe in ${place.topic}, partition ${place.partition}, offset ${place.offset}.`
      } finally {
        await admin.close()
      }
    },
    close: giveUp,
  }
}
