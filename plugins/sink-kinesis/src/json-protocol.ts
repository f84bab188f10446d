import { createHttpClient, type HttpClient } from '@patchbay/sdk/http-client'
import { AwsV4Signer } from 'aws4fetch'
import type { Config } from './config.ts'

const target = 'Kinesis_20131202'
/** 500 answers with shard and sequence number. */
const answerBytes = 1024 * 1024

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
}

/** What the service said no with: its code, such as `ResourceNotFoundException`, and its words. */
export class ServiceRefused extends Error {
  override readonly name = 'ServiceRefused'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** One call of Kinesis' JSON protocol. */
export interface Service {
  /** Rejects with ServiceRefused, or because nothing answers. */
  call(operation: string, body: string, signal: AbortSignal): Promise<unknown>
  readonly host: string
  close(): void
}

/** The keys that are configured, or those that Amazon's own programs would find: looked up anew when they end. */
function createCredentials(values: Config): () => Promise<Credentials> {
  const { accessKeyId, secretAccessKey, sessionToken } = values
  if (accessKeyId && secretAccessKey)
    return async () => ({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) })
  let chain: Promise<() => Promise<Credentials>> | undefined
  const open = async (): Promise<() => Promise<Credentials>> => {
    // Some megabytes, which nobody with keys of his own has to load.
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
    return defaultProvider()
  }
  return async () => (await (chain ??= open()))()
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function toRefusal(status: number, body: string): ServiceRefused {
  try {
    const said: unknown = JSON.parse(body)
    if (isObject(said)) {
      const type = typeof said['__type'] === 'string' ? said['__type'] : ''
      const code = type.slice(type.lastIndexOf('#') + 1)
      const words = said['message'] ?? said['Message']
      if (code !== '') return new ServiceRefused(code, `${code}: ${typeof words === 'string' ? words : status}`)
    }
  } catch {
    // A proxy answers HTML: then the text is what was said.
  }
  return new ServiceRefused('', `${status} ${body}`)
}

export function createService(values: Config): Service {
  const domain = values.region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const url = values.endpoint ?? `https://kinesis.${values.region}.${domain}`
  const credentials = createCredentials(values)
  const client: HttpClient = createHttpClient({
    url,
    privateTargets: 'all',
    ...(values.ca ? { ca: values.ca } : {}),
  })
  return {
    host: new URL(url).host,
    async call(operation, body, signal) {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials()
      const signer = new AwsV4Signer({
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        url: new URL('/', url).href,
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${target}.${operation}` },
        body,
        region: values.region,
        service: 'kinesis',
      })
      const { headers } = await signer.sign()
      const answer = await client.send({
        path: '/',
        headers: Object.fromEntries(headers.entries()),
        body,
        signal,
        readBytes: answerBytes,
      })
      if (answer.status !== 200) throw toRefusal(answer.status, answer.body)
      const said: unknown = JSON.parse(answer.body)
      return said
    },
    close: () => client.close(),
  }
}
