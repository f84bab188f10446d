import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Sessions } from '@patchbay/sdk'
import { sendError } from '../answer.ts'
import type { InfluxConfig } from '../config.ts'
import { refuse } from '../errors.ts'
import type { NameBook } from '../name-book.ts'
import { queryOf, type Requests } from '../requests.ts'
import { encodingOf, readBody } from './body.ts'
import { createEnrolment } from './enrolment.ts'
import { takeLines } from './intake.ts'
import { toReadTime } from './precision.ts'
import { createReport } from './report.ts'

const mib = 1024 * 1024

export interface WriteOptions {
  config: InfluxConfig
  requests: Requests
  names: NameBook
  sessions: Sessions
}

/** Answers a write: 204 when every line is durable. */
export async function takeWrite(
  request: FastifyRequest,
  reply: FastifyReply,
  { config, requests, names, sessions }: WriteOptions,
): Promise<FastifyReply> {
  const maxBytes = config.maxBodyMib * mib
  const query = queryOf(request)
  // Before the body is read: who cannot prove himself makes us read and unpack nothing.
  const session = await requests.open(request, reply, query)
  const encoding = encodingOf(request.headers['content-encoding'])
  if (!encoding) return sendError(reply, 415, 'Content-Encoding must be gzip or identity', { code: 'invalid' })
  const readTime = toReadTime(query.get('precision'))
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw refuse('INFLUX_BODY_TOO_LARGE')
  const report = createReport()
  const { provisioningKey } = config
  const enrolment =
    provisioningKey === undefined || session.principal.kind !== 'application'
      ? undefined
      : createEnrolment({ sessions, provisioningKey, peer: requests.peerOf(request) })
  if (request.body instanceof Readable) {
    const body = readBody(request.body, encoding, maxBytes)
    await takeLines(body, { config, session, names, readTime, report, enrolment })
  }
  const bad = report.answer()
  if (!bad) return reply.code(204).send()
  requests.record(request, 'publish', bad.cause, session)
  return sendError(reply, bad.status, bad.error, { accepted: bad.accepted, refused: bad.refused })
}
