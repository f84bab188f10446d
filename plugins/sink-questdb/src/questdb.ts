import { setTimeout as wait } from 'node:timers/promises'
import type { Sink, SinkRecord } from '@patchbay/sdk'
import { createHttpClient, toPath } from '@patchbay/sdk/http-client'
import { answerOfWrite, type OpenedSink, wordsOfBody } from '@patchbay/sdk/sink'
import { toAnswer } from './answer.ts'
import type { Config } from './config.ts'
import { createLines } from './lines.ts'
import { createTables, type Execute } from './tables.ts'

/** Rows are seen once its log is applied. */
const lookAgainMs = 200
const looks = 20

const authorization = ({ username, password, token }: Config): Record<string, string> => {
  if (token) return { authorization: `Bearer ${token}` }
  if (!username) return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
}

export interface OpenQuestdb extends OpenedSink {
  close(): void
}

export function openQuestdb(values: Config, stop: AbortSignal): OpenQuestdb {
  const secrets = [values.password, values.token]
  const headers = authorization(values)
  const toLines = createLines(values.table)
  const client = createHttpClient({
    url: values.url,
    privateTargets: 'all',
    // Over a connection from before a table was dropped and made again, rows get lost behind a 204.
    keepAlive: false,
    ...(values.ca ? { ca: values.ca } : {}),
  })
  const execute: Execute = (sql, signal) =>
    client.send({ method: 'GET', path: toPath('/exec', { query: sql }), headers, signal })
  const tables = createTables(execute, values.partition)

  const sink: Sink = {
    write: (records, options) =>
      answerOfWrite(async () => {
        const signal = AbortSignal.any([stop, options.signal])
        const lines = records.map(toLines)
        const all = lines.flat()
        if (all.length === 0) return { outcome: 'delivered' }
        await tables.ensure(all, signal)
        const body = all.map(({ text }) => text).join('')
        const answer = await client.send({
          path: '/write?precision=u',
          headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
          body,
          signal,
        })
        // How it counts lines that have line breaks in their texts is not to be relied on.
        const countable = !body.includes('\\\n')
        const recordAt = (line: number): number | undefined => {
          let last = 0
          const index = lines.findIndex((each) => (last += each.length) >= line)
          return countable && index >= 0 ? index : undefined
        }
        return toAnswer(answer, records.length, recordAt, secrets)
      }, secrets),
  }

  async function readBack(probe: SinkRecord, signal: AbortSignal): Promise<string> {
    const table = toLines(probe)[0]?.table ?? ''
    const sql = `SELECT count() FROM "${table}" WHERE device = '${probe.device}' AND timestamp = ${probe.at}`
    let said = ''
    for (let look = 0; look < looks; look++) {
      const { status, body } = await execute(sql, signal)
      said = `${status} ${wordsOfBody(body)}`
      if (body.includes('"dataset":[[1]]')) {
        await execute(`DROP TABLE "${table}"`, signal)
        return `QuestDB at ${values.url} took a row into a table of its own, which was read and dropped.`
      }
      await wait(lookAgainMs)
    }
    throw new Error(`QuestDB at ${values.url} took a row, but it is not there: ${said}`)
  }
  return { sink, readBack, close: () => client.close() }
}
