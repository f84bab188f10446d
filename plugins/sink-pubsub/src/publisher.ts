import { fileURLToPath } from 'node:url'
import { credentials, Client, Metadata, setLogVerbosity, logVerbosity, type ServiceError } from '@grpc/grpc-js'
import { load, type MethodDefinition } from '@grpc/proto-loader'
import { createTargetGuard } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'
import type { OutMessage } from './messages.ts'
import { createTokens } from './tokens.ts'

const google = 'https://pubsub.googleapis.com'
const proto = fileURLToPath(new URL('../proto/pubsub.proto', import.meta.url))
/** Of one request; less than a try gets. */
const callMs = 10_000
/** After a cut; the client’s own would be two minutes. */
const reconnectMs = 1000

/** Publishes messages of one key. */
export interface Publisher {
  readonly host: string
  /** Their ids. Rejects with what gRPC says. */
  publish(messages: readonly OutMessage[], signal: AbortSignal): Promise<readonly string[]>
  close(): void
}

const isMethod = (value: unknown): value is MethodDefinition<object, object> =>
  typeof value === 'object' && value !== null && 'requestSerialize' in value && 'path' in value

async function loadPublish(): Promise<MethodDefinition<object, object>> {
  const definitions = await load(proto, { keepCase: true, defaults: true })
  const method: unknown = Reflect.get(definitions['google.pubsub.v1.Publisher'] ?? {}, 'Publish')
  if (!isMethod(method)) throw new TypeError(`${proto} holds no Publish.`)
  return method
}

/** Rejects when the name leads to an address that is closed. */
const assertOpen = (host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    createTargetGuard('all').lookup(host, { all: false }, (error) =>
      error?.name === 'TargetForbidden' ? reject(error) : resolve(),
    )
  })

export async function openPublisher(values: Config): Promise<Publisher> {
  const { protocol, hostname, port } = new URL(values.endpoint ?? google)
  const isTls = protocol === 'https:'
  const host = `${hostname}:${port || (isTls ? 443 : 80)}`
  const topic = `projects/${values.project}/topics/${values.topic}`
  // It would write to the console.
  setLogVerbosity(logVerbosity.NONE)
  const [method] = await Promise.all([loadPublish(), assertOpen(hostname.replace(/^\[|\]$/g, ''))])
  const tokens = isTls ? createTokens(values.credentials) : undefined
  const client = new Client(
    host,
    isTls ? credentials.createSsl(values.ca ? Buffer.from(values.ca) : null) : credentials.createInsecure(),
    {
      'grpc.initial_reconnect_backoff_ms': reconnectMs,
      'grpc.max_reconnect_backoff_ms': reconnectMs,
      // Each instance has a connection of its own, which ends with it.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    },
  )
  const toIds = (answer: object | undefined): string[] => {
    const ids: unknown = Reflect.get(answer ?? {}, 'message_ids')
    return Array.isArray(ids) ? ids.map(String) : []
  }
  return {
    host,
    async publish(messages, signal) {
      const metadata = new Metadata()
      if (tokens) metadata.set('authorization', `Bearer ${await tokens()}`)
      return new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          { topic, messages },
          metadata,
          { deadline: Date.now() + callMs },
          (error: ServiceError | null, answer?: object) => {
            signal.removeEventListener('abort', cancel)
            if (error) reject(error)
            else resolve(toIds(answer))
          },
        )
        const cancel = (): void => call.cancel()
        signal.addEventListener('abort', cancel, { once: true })
      })
    },
    close: () => client.close(),
  }
}
