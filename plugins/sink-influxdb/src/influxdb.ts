import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Sink } from '@patchbay/sdk'
import { createHttpClient } from '@patchbay/sdk/http-client'
import { answerOfWrite, type OpenedSink } from '@patchbay/sdk/sink'
import { toAnswer } from './answer.ts'
import type { Config } from './config.ts'
import { createLines } from './lines.ts'
import { readProbe } from './read-probe.ts'
import { toWay } from './way.ts'

const compress = promisify(gzip)
/** A tenth more time than none, for a fifth of the bytes. */
const gzipLevel = 1
/** Below it, the head of gzip costs more than it saves. */
const gzipFromBytes = 1000

const lineBreaks = (text: string): number => text.split('\n').length - 1

export interface OpenInfluxdb extends OpenedSink {
  close(): void
}

/** The sink and what its test reads back. */
export function openInfluxdb(values: Config, stop: AbortSignal): OpenInfluxdb {
  const way = toWay(values)
  const secrets = [values.password, values.token]
  const lines = createLines(values)
  const client = createHttpClient({
    url: values.url,
    privateTargets: 'all',
    ...(values.ca ? { ca: values.ca } : {}),
  })

  const sink: Sink = {
    write: (records, { signal }) =>
      answerOfWrite(async () => {
        const texts = records.map(lines.of)
        const text = texts.join('')
        if (text === '') return { outcome: 'delivered' }
        const packed = values.gzip && text.length >= gzipFromBytes
        const answer = await client.send({
          path: way.write,
          headers: {
            ...way.headers,
            'content-type': 'text/plain; charset=utf-8',
            ...(packed ? { 'content-encoding': 'gzip' } : {}),
          },
          body: packed ? await compress(text, { level: gzipLevel }) : text,
          signal: AbortSignal.any([stop, signal]),
        })
        const recordAt = (line: number): number | undefined => {
          let last = 0
          const index = texts.findIndex((each) => (last += lineBreaks(each)) >= line)
          return index < 0 ? undefined : index
        }
        return toAnswer(answer, recordAt, secrets)
      }, secrets),
  }
  return {
    sink,
    readBack: (probe, signal) => readProbe({ values, way, client, probe, signal }),
    close: () => client.close(),
  }
}
