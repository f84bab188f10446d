import { generateKeyPairSync, verify } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { makeTestCertificate, runSink, startPlugin, toRecords } from '@patchbay/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import plugin from '../src/index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const account = {
  type: 'service_account',
  client_email: 'patchbay@iot.iam.gserviceaccount.com',
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
}

/** As Google's service does it: over TLS, to who is known, all messages of a request of one key. */
let server: Server
let config: Record<string, unknown>
let untrusted: Record<string, unknown>
const taken: { key: string; n: number }[] = []
let authorization = ''
let answer: (n: number) => status

beforeAll(async () => {
  const definitions = await load(fileURLToPath(new URL('../proto/pubsub.proto', import.meta.url)), {
    keepCase: true,
    defaults: true,
  })
  const { Publisher } = (loadPackageDefinition(definitions) as any).google.pubsub.v1
  server = new Server()
  server.addService(Publisher.service, {
    Publish({ request, metadata }: any, done: (error: object | null, answer?: object) => void) {
      authorization = String(metadata.get('authorization')[0])
      const messages: { n: number; key: string }[] = request.messages.map(({ data, ordering_key }: any) => ({
        n: JSON.parse(data.toString()).values.n,
        key: ordering_key,
      }))
      const code = messages.map(({ n }) => answer(n)).find((each) => each !== status.OK)
      if (new Set(messages.map(({ key }) => key)).size > 1)
        return done({ code: status.INVALID_ARGUMENT, details: 'more than one ordering key' })
      if (code) return done({ code, details: 'as the test wants it' })
      taken.push(...messages)
      done(null, { message_ids: messages.map(({ n }) => String(n)) })
    },
  })
  const { cert, key } = await makeTestCertificate(['127.0.0.1', 'localhost'])
  const creds = ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }])
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', creds, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  untrusted = {
    project: 'iot',
    topic: 'readings',
    endpoint: `https://localhost:${port}`,
    credentials: JSON.stringify(account),
  }
  config = { ...untrusted, ca: cert }
})
beforeEach(() => {
  taken.length = 0
  answer = () => status.OK
})
afterAll(() => server.forceShutdown())

async function write(records = toRecords({ count: 100 }), configured = config) {
  const host = await startPlugin(plugin, { manifest, config: configured })
  const sink = host.sinks.get('pubsub')
  const said = await sink?.write(records, { attempt: 1, signal: new AbortController().signal })
  await host.stop()
  return said
}

test('goes over TLS with a token that the service account has signed, a request a device', async () => {
  expect(await write()).toEqual({ outcome: 'delivered' })
  expect(taken).toHaveLength(100)
  const [head = '', body = '', signature = ''] = authorization.replace('Bearer ', '').split('.')
  expect(verify('sha256', Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  const said = JSON.parse(Buffer.from(body, 'base64url').toString())
  expect(said).toMatchObject({
    iss: account.client_email,
    sub: account.client_email,
    aud: 'https://pubsub.googleapis.com/',
  })
  expect(said.exp - said.iat).toBe(3600)
  expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
})

test('a certificate that is not believed is told, and nothing sent', async () => {
  expect(await write(undefined, untrusted)).toMatchObject({
    outcome: 'retry',
    reply: expect.stringMatching(/self.signed/),
  })
  expect(taken).toEqual([])
})

test('one bad message among 999 is the only one refused, and its device stays in order', async () => {
  answer = (n) => (n === 500 ? status.INVALID_ARGUMENT : status.OK)
  const host = await startPlugin(plugin, { manifest, config })
  const sink = host.sinks.get('pubsub')
  if (!sink) throw new Error('no sink')
  const { refused } = await runSink(sink, toRecords({ count: 1000 }))
  await host.stop()
  expect(refused.map(({ record, reply }) => [record.values['n'], reply])).toEqual([
    [500, 'INVALID_ARGUMENT: as the test wants it'],
  ])
  const mine = taken.filter(({ key }) => key === 'device-0').map(({ n }) => n)
  expect(mine).toEqual(Array.from({ length: 200 }, (_, i) => i * 5).filter((n) => n !== 500))
})

test('a device whose messages are not taken waits, the others do not', async () => {
  answer = (n) => (n % 5 === 2 ? status.RESOURCE_EXHAUSTED : status.OK)
  const said = await write()
  expect(said).toMatchObject({ outcome: 'partial', refused: [] })
  expect(said?.outcome === 'partial' && said.retry).toHaveLength(20)
  expect(said?.outcome === 'partial' && said.retry[0]).toEqual({
    index: 2,
    reply: 'RESOURCE_EXHAUSTED: as the test wants it',
  })
  expect(taken).toHaveLength(80)
})
