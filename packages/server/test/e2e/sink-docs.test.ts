import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { connectMongo } from '../../src/stores/mongodb/connection.ts'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { createApi } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

async function readMongo(): Promise<string> {
  const link = await connectMongo({ url: process.env['MONGODB_URL'] ?? '' })
  const readings = link.client.db('iot').collection('readings')
  const found = await readings.find({ device: 'boiler-11' }).sort({ at: -1 }).limit(1).toArray()
  await link.close()
  return JSON.stringify(found[0])
}

/** The first of what comes in that is of this device: the other pages' instances bring theirs, too. */
const firstOf = (device: string, next: () => Promise<readonly string[]>): Promise<string> =>
  vi.waitFor(
    async () => {
      const found = (await next()).find((text) => text.includes(`"${device}"`))
      if (found === undefined) throw new Error(`nothing of ${device} yet`)
      return found
    },
    { timeout: 5000 },
  )

async function readRabbitmq(): Promise<string> {
  const connection = await connect(process.env['RABBITMQ_URL'] ?? '')
  const channel = await connection.createChannel()
  const found = await firstOf('boiler-14', async () => {
    const message = await channel.get('readings', { noAck: true })
    return message ? [message.content.toString()] : []
  })
  await channel.deleteQueue('readings')
  await connection.close()
  return found
}

async function callKinesis(operation: string, body: object): Promise<any> {
  const answer = await fetch(process.env['AWS_ENDPOINT_URL'] ?? '', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Kinesis_20131202.${operation}`,
      authorization:
        'AWS4-HMAC-SHA256 Credential=a/20250101/eu-central-1/kinesis/aws4_request, SignedHeaders=a, Signature=0',
    },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text && JSON.parse(text)
}

async function readKinesis(): Promise<string> {
  const { ShardIterator } = await callKinesis('GetShardIterator', {
    StreamName: 'readings',
    ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON',
  })
  const found = await firstOf('boiler-15', async () => {
    const { Records } = await callKinesis('GetRecords', { ShardIterator })
    return Records.map(({ Data }: { Data: string }) => Buffer.from(Data, 'base64').toString())
  })
  await callKinesis('DeleteStream', { StreamName: 'readings' })
  return found
}

const inPubsub = { project: 'projects/my-project', topic: 'topics/readings', subscription: 'subscriptions/readings' }

/** Calls of the stand-in, by the proto that the suite of sink-pubsub has. */
async function callPubsub<T>(
  work: (call: (method: string, request: object) => Promise<any>) => Promise<T>,
): Promise<T> {
  const proto = fileURLToPath(new URL('../../../../plugins/sink-pubsub/test/test.proto', import.meta.url))
  const { Publisher, Subscriber } = (loadPackageDefinition(await load(proto, { keepCase: true })) as any).google.pubsub
    .v1
  const host = process.env['PUBSUB_EMULATOR_HOST']
  const clients = [Publisher, Subscriber].map((Service) => new Service(host, credentials.createInsecure()))
  try {
    return await work(
      (method, request) =>
        new Promise((resolve, reject) => {
          const client = clients.find((each) => method in each)
          client[method](request, (error: Error | null, answer: unknown) => (error ? reject(error) : resolve(answer)))
        }),
    )
  } finally {
    for (const client of clients) client.close()
  }
}

const makePubsub = (): Promise<void> =>
  callPubsub(async (call) => {
    const topic = `${inPubsub.project}/${inPubsub.topic}`
    await call('CreateTopic', { name: topic })
    const name = `${inPubsub.project}/${inPubsub.subscription}`
    await call('CreateSubscription', { name, topic, ack_deadline_seconds: 60 })
  })

const readPubsub = (): Promise<string> =>
  callPubsub(async (call) => {
    const subscription = `${inPubsub.project}/${inPubsub.subscription}`
    const found = await firstOf('boiler-16', async () => {
      const { received_messages: some = [] } = await call('Pull', {
        subscription,
        return_immediately: true,
        max_messages: 100,
      })
      return some.map(({ message }: { message: { data: Buffer } }) => message.data.toString())
    })
    await call('DeleteSubscription', { subscription })
    await call('DeleteTopic', { topic: `${inPubsub.project}/${inPubsub.topic}` })
    return found
  })

/** Pages, what their lines print at the end, and the server that they need. */
const pages: readonly {
  page: string
  prints: RegExp
  needs?: string
  /** A program that its lines run. */
  program?: string
  /** In place of a shell that comes with the server: what its command is, and the same by other means. */
  shell?: { command: RegExp; before?(): Promise<void>; read(): Promise<string> }
  /** What the lines do not say because it is the same for everybody but a test. */
  edit?(code: string): string
}[] = [
  { page: 'sinks.md', prints: /"device":"boiler-7","at":"\d{4}-.*"values":\{"temperature":21\.5\}/ },
  { page: '../plugins/sink-webhook/README.md', prints: /"device":"boiler-9","at":"\d{4}-.*"temperature":21\.5/ },
  { page: '../plugins/sink-influxdb/README.md', prints: /"temperature".*,21\.5\]/, needs: 'INFLUXDB_URL' },
  { page: '../plugins/sink-questdb/README.md', prints: /"boiler-10",21\.5,"\d{4}/, needs: 'QUESTDB_URL' },
  {
    page: '../plugins/sink-mongodb/README.md',
    prints: /"_id":"boiler-11\/\d+".*"temperature":21\.5/,
    needs: 'MONGODB_URL',
    shell: { command: /mongosh .*/, read: readMongo },
  },
  {
    page: '../plugins/sink-timescaledb/README.md',
    prints: /\|boiler-12\|temperature\|21\.5/,
    needs: 'TIMESCALEDB_URL',
    program: 'psql',
  },
  {
    page: '../plugins/sink-kafka/README.md',
    prints: /"device":"boiler-13","at":"\d{4}-.*"temperature":21\.5/,
    needs: 'KAFKA_BROKERS',
    program: 'kafka-console-consumer.sh',
  },
  {
    page: '../plugins/sink-amqp/README.md',
    prints: /"device":"boiler-14","at":"\d{4}-.*"temperature":21\.5/,
    needs: 'RABBITMQ_URL',
    shell: { command: /sleep 3; amqp-get .*/, read: readRabbitmq },
  },
  {
    page: '../plugins/sink-kinesis/README.md',
    prints: /"device":"boiler-15","at":"\d{4}-.*"temperature":21\.5/,
    needs: 'AWS_ENDPOINT_URL',
    shell: {
      command: /.*\baws kinesis .*/g,
      before: async () => void (await callKinesis('CreateStream', { StreamName: 'readings', ShardCount: 1 })),
      read: readKinesis,
    },
    edit: (code) =>
      code.replace(
        '"region"',
        `"endpoint": "${process.env['AWS_ENDPOINT_URL']}", "accessKeyId": "a", "secretAccessKey": "b", "region"`,
      ),
  },
  {
    page: '../plugins/sink-pubsub/README.md',
    prints: /"device":"boiler-16","at":"\d{4}-.*"temperature":21\.5/,
    needs: 'PUBSUB_EMULATOR_HOST',
    shell: { command: /.*\bgcloud pubsub .*/g, before: makePubsub, read: readPubsub },
    edit: (code) =>
      code
        .replace(/KEY=.*/, '')
        .replace(/"credentials": .*"'"/, `"endpoint": "http://${process.env['PUBSUB_EMULATOR_HOST']}"`),
  },
  {
    page: '../plugins/source-kafka/README.md',
    prints: /"temperature":\{"at":"\d{4}-.*","value":21\.5\}/,
    needs: 'KAFKA_BROKERS',
    program: 'kafka-console-producer.sh',
  },
  {
    page: '../plugins/source-amqp/README.md',
    prints: /"temperature":\{"at":"\d{4}-.*","value":21\.5\}/,
    needs: 'RABBITMQ_URL',
    program: 'amqp-publish',
  },
]

const scriptMs = 15_000

describe('lines lead from nothing to data', () => {
  let server: InProcess
  beforeAll(async () => {
    server = await startInProcess({
      bundled: bundledPlugins.filter(({ manifestFile }) => /adapter-http|sink-|source-/.test(String(manifestFile))),
      env: { PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' },
    })
    await createApi(server.url).put('/api/v1/plugins/adapter-http/instances/default', { config: {} })
  })
  afterAll(() => server?.close())

  for (const { page, prints, needs, program, shell, edit = (code: string) => code } of pages) {
    const lacks =
      needs !== undefined && process.env[needs] === undefined
        ? needs
        : program !== undefined && spawnSync(program, ['--version']).status !== 0
          ? program
          : undefined
    // At once: most of their time they wait for a batch to go.
    test
      .skipIf(lacks !== undefined)
      .concurrent(`${page}${lacks ? `, skipped, no ${lacks}` : ''}`, async ({ expect }) => {
        const code = edit((await docCode(page, 'sh')).replace(':8080', `:${server.port}`))
        await shell?.before?.()
        const script = shell ? code.replace(shell.command, '') : code
        const rabbitmq = process.env['RABBITMQ_URL']
        const env = {
          ...process.env,
          PATCHBAY_API_KEY: testKey,
          PATCHBAY_DATA: server.data,
          ...(rabbitmq ? { RABBITMQ: new URL(rabbitmq).host } : {}),
        }
        const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { env, timeout: scriptMs })
        expect(shell ? await shell.read() : stdout).toMatch(prints)
      })
  }
})
