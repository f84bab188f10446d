import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isRefused, type Log, type Session, type Telemetry, type TelemetryReader } from '@patchbay/sdk'
import { sendError } from '../answer.ts'
import type { InfluxConfig } from '../config.ts'
import type { NameBook } from '../name-book.ts'
import { queryOf, type Requests } from '../requests.ts'
import { readText } from '../text-body.ts'
import { csvError, toCsv } from './answer-csv.ts'
import { type Explain, type Result, toChunks, toJson, toPretty } from './answer-json.ts'
import type { Literal } from './ast.ts'
import type { Databases } from './databases.ts'
import { toWriteTime } from './epoch.ts'
import { ParseError, StatementError } from './failures.ts'
import { queryLimits } from './limits.ts'
import { parseQuery } from './parser.ts'
import { isRead, runStatement, type StatementContext } from './statement.ts'
import type { Turns } from './turns.ts'

const defaultChunk = 10_000
const maxParameters = 1_000

export interface QueryOptions {
  config: InfluxConfig
  requests: Requests
  telemetry: Telemetry
  names: NameBook
  databases: Databases
  turns: Turns
  log: Log
}

/** The address and a form in the body; the address comes first. */
async function parametersOf(request: FastifyRequest): Promise<URLSearchParams> {
  const query = queryOf(request)
  if (request.method !== 'POST' || !(request.body instanceof Readable)) return query
  const text = await readText(request.body, queryLimits.textChars)
  const type = request.headers['content-type'] ?? ''
  if (type.startsWith('application/vnd.influxql')) query.set('q', text)
  else for (const [name, value] of new URLSearchParams(text)) if (!query.has(name)) query.append(name, value)
  return query
}

function boundOf(text: string | null): ReadonlyMap<string, Literal> {
  const bound = new Map<string, Literal>()
  if (text === null || text === '') return bound
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    // Said below, in InfluxDB's words.
  }
  if (typeof given !== 'object' || given === null) throw new ParseError('error parsing query parameters')
  for (const [name, value] of Object.entries(given).slice(0, maxParameters))
    if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') bound.set(name, value)
  return bound
}

const notExecuted = { kind: 'refused', why: 'not executed' } as const

const isSet = (value: string | null): boolean => value === 'true' || value === '1'

/** What the session may read; who may not is refused before anything is written, as in InfluxDB. */
async function readerOf(
  request: FastifyRequest,
  session: Session,
  { telemetry, requests }: QueryOptions,
): Promise<TelemetryReader> {
  try {
    return await telemetry.as(session.principal)
  } catch (error) {
    if (isRefused(error)) requests.record(request, 'subscribe', error, session)
    throw error
  }
}

/** Answers `/query`: the statements one after another, written as they are made. */
export async function takeQuery(
  request: FastifyRequest,
  reply: FastifyReply,
  options: QueryOptions,
): Promise<FastifyReply> {
  const { requests, log } = options
  const session = await requests.open(request, reply, queryOf(request))
  const query = await parametersOf(request)
  const accept = request.headers.accept ?? ''
  const csv = /^(text|application)\/csv/.exec(accept)?.[0]
  const refuse = (text: string): FastifyReply =>
    csv === undefined ? sendError(reply, 400, text, {}) : reply.code(400).type(csv).send(csvError(text))
  const text = query.get('q')
  if (text === null || text.trim() === '') return refuse('missing required parameter "q"')
  let statements: ReturnType<typeof parseQuery>
  try {
    statements = parseQuery(text, boundOf(query.get('params')))
  } catch (error) {
    if (error instanceof ParseError) return refuse(error.message)
    throw error
  }

  const reader = statements.some(isRead) ? await readerOf(request, session, options) : undefined
  const gone = new AbortController()
  const leave = await options.turns.enter()
  if (reply.raw.closed) leave()
  reply.raw.once('close', () => {
    gone.abort()
    leave()
  })
  const context: StatementContext = {
    ...options,
    reader,
    nowMicros: Date.now() * 1000,
    signal: gone.signal,
  }
  let hasFailed = false
  const explain: Explain = (error) => {
    hasFailed = true
    if (error instanceof StatementError) return error.message
    if (error instanceof Error && error.name === 'ReadTooLarge') return error.message
    if (!gone.signal.aborted) log.error('a query failed', { error, requestId: request.id })
    return 'internal error'
  }
  async function* results(): AsyncGenerator<Result> {
    for (const [id, statement] of statements.entries()) {
      // InfluxDB stops at the first error.
      yield { id, parts: runStatement(hasFailed ? notExecuted : statement, context) }
    }
  }
  const writeTime = toWriteTime(query.get('epoch'))
  if (csv !== undefined)
    return reply.type(csv).send(Readable.from(toCsv(results(), query.has('epoch') ? writeTime : undefined, explain)))
  const size = Number(query.get('chunk_size') ?? '') || defaultChunk
  const json = isSet(query.get('chunked'))
    ? toChunks(results(), { writeTime, size: Math.max(1, Math.min(size, defaultChunk)), explain })
    : toJson(results(), writeTime, explain)
  return reply.type('application/json').send(Readable.from(isSet(query.get('pretty')) ? toPretty(json) : json))
}
