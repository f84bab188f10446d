import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Sink, SinkRecord } from '@patchbay/sdk'
import { createHttpClient } from '@patchbay/sdk/http-client'
import { answerOfWrite, type OpenedSink, toJsonLine } from '@patchbay/sdk/sink'
import { toHeaders, toKey, toSignatureHeaders } from '@patchbay/sdk/webhook'
import { toAnswer } from './answer.ts'
import type { Config } from './config.ts'

const compress = promisify(gzip)

const formats = {
  array: {
    type: 'application/json',
    of: (records: readonly SinkRecord[]) => `[${records.map(toJsonLine).join(',')}]`,
  },
  lines: {
    type: 'application/x-ndjson',
    of: (records: readonly SinkRecord[]) => records.map((record) => `${toJsonLine(record)}\n`).join(''),
  },
} as const

/** The same for the same records, so that a receiver knows a batch that comes again. */
const toBatchId = (body: string): string => `batch_${createHash('sha256').update(body).digest('base64url')}`

export interface OpenWebhook extends OpenedSink {
  close(): void
}

export function openWebhook(
  values: Config,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop: AbortSignal },
): OpenWebhook {
  const key = toKey(values.secret)
  const headers = toHeaders(values.headers)
  const secrets = [values.secret, ...values.headers.map(({ value }) => value)]
  const format = formats[values.format === 'lines' ? 'lines' : 'array']
  const { pathname, search } = new URL(values.url)
  const client = createHttpClient({
    url: new URL('/', values.url).href,
    privateTargets,
    ...(values.ca ? { ca: values.ca } : {}),
  })

  const sink: Sink = {
    write: (records, { signal }) =>
      answerOfWrite(async () => {
        const body = format.of(records)
        const signed = { id: toBatchId(body), timestamp: Math.floor(Date.now() / 1000), body }
        const answer = await client.send({
          path: `${pathname}${search}`,
          headers: {
            ...headers,
            'content-type': format.type,
            ...(values.gzip ? { 'content-encoding': 'gzip' } : {}),
            ...toSignatureHeaders(signed, key),
          },
          body: values.gzip ? await compress(body) : body,
          signal: AbortSignal.any([stop, signal]),
        })
        return toAnswer(answer, records.length, secrets)
      }, secrets),
  }
  return {
    sink,
    // What it did with it only the receiver knows.
    readBack: async () => `${new URL(values.url).host} took a record of the device _patchbay_probe.`,
    close: () => client.close(),
  }
}
