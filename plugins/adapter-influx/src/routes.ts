import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { version } from './answer.ts'
import { queryOf, type Requests } from './requests.ts'

/** A large body over a slow line, and its commits. */
const writeMs = 120_000
/** Until a query's answer begins; it may take longer to its end. */
const queryMs = 60_000

export type Answer = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

export interface Answers {
  requests: Requests
  write: Answer
  query: Answer
}

/** The paths of InfluxDB. Bodies arrive as streams, whatever type they say they are. */
export function createRoutes({ requests, write, query }: Answers): FastifyPluginAsync {
  const errorHandler = requests.answerError
  return async (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers({ 'x-influxdb-build': 'OSS', 'x-influxdb-version': version })
    })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.post('/write', { errorHandler, handlerTimeout: writeMs }, write)
    app.post('/api/v2/write', { errorHandler, handlerTimeout: writeMs }, write)
    app.get('/query', { errorHandler, handlerTimeout: queryMs, exposeHeadRoute: false }, query)
    app.post('/query', { errorHandler, handlerTimeout: queryMs }, query)
    app.get('/ping', ping)
  }
}

/** Open to all, as in InfluxDB: it tells that something is there, and nothing else. */
const ping: Answer = async (request, reply) => {
  const verbose = queryOf(request).get('verbose') ?? ''
  if (['', '0', 'false'].includes(verbose)) return reply.code(204).send()
  return reply.type('application/json').send(JSON.stringify({ version }))
}
