import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { openCut, type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'

/** `host:port` of a stand-in that was started for the tests. */
export const pubsubHost = process.env['PUBSUB_EMULATOR_HOST']

const project = 'patchbay-test'
const pullMost = 1000

export interface Pulled {
  data: Buffer
  attributes: Record<string, string>
  message_id: string
  ordering_key: string
}

export interface PubsubTarget extends SinkTarget {
  /** All messages of the present topic, in the order in which they were taken. */
  messages(): Promise<Pulled[]>
}

/** A topic of the test's own with a subscription; another one after each wipe. */
export async function openPubsubTarget(more: Record<string, unknown> = {}): Promise<PubsubTarget> {
  const outage = await openCut(`http://${pubsubHost ?? 'nowhere'}`)
  const definitions = await load(fileURLToPath(new URL('test.proto', import.meta.url)), {
    keepCase: true,
    defaults: true,
  })
  const { Publisher, Subscriber } = (loadPackageDefinition(definitions) as any).google.pubsub.v1
  const clients = [Publisher, Subscriber].map((Service) => new Service(pubsubHost, credentials.createInsecure()))
  const call = (method: string, request: object): Promise<any> =>
    new Promise((resolve, reject) => {
      const client = clients.find((each) => method in each)
      client[method](request, (error: Error | null, answer: unknown) => (error ? reject(error) : resolve(answer)))
    })
  let name = ''
  let pulled: Pulled[] = []
  const topic = (): string => `projects/${project}/topics/${name}`
  const subscription = (): string => `projects/${project}/subscriptions/${name}`
  const make = async (): Promise<void> => {
    name = `t${randomBytes(6).toString('hex')}`
    pulled = []
    await call('CreateTopic', { name: topic() })
    // It gives ordered messages one by one; the order is in their numbers.
    await call('CreateSubscription', { name: subscription(), topic: topic(), ack_deadline_seconds: 600 })
  }
  const remove = async (): Promise<void> => {
    await call('DeleteSubscription', { subscription: subscription() })
    await call('DeleteTopic', { topic: topic() })
  }
  await make()
  const messages = async (): Promise<Pulled[]> => {
    for (;;) {
      const { received_messages: some } = await call('Pull', {
        subscription: subscription(),
        return_immediately: true,
        max_messages: pullMost,
      })
      if (some.length === 0) break
      pulled.push(...some.map(({ message }: { message: Pulled }) => message))
      await call('Acknowledge', {
        subscription: subscription(),
        ack_ids: some.map(({ ack_id }: { ack_id: string }) => ack_id),
      })
    }
    const numberOf = ({ message_id }: Pulled): number => Number(message_id.replaceAll(/\D/g, ''))
    return pulled.toSorted((a, b) => numberOf(a) - numberOf(b))
  }
  return {
    messages,
    config: () => ({ project, topic: name, endpoint: outage.url, ...more }),
    async rows(): Promise<TargetPoint[]> {
      return (await messages()).flatMap(({ data }) => {
        const { device, at, values } = JSON.parse(data.toString())
        return toPoints([{ device, at: toMicros(at), values }])
      })
    },
    async wipe() {
      await remove()
      await make()
    },
    stop: outage.stop,
    start: outage.start,
    async close() {
      await remove()
      for (const client of clients) client.close()
      await outage.close()
    },
  }
}
