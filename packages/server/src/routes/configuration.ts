import { ConfigurationOutcome } from '@patchbay/contracts/configuration'
import { Type } from 'typebox'
import { maxBodyLimitBytes } from '../rest/app.ts'
import { callerOf } from '../rest/caller.ts'
import { RestError } from '../rest/errors.ts'
import type { Insider } from '../rest/inside.ts'
import type { Routes } from '../rest/route-deps.ts'
import type { FastifyRequest } from 'fastify'

const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml']

const insiderFor = (request: FastifyRequest): Insider => ({ caller: callerOf(request), peer: request.peer })

/** A body of YAML is text; one of JSON is the document already. */
async function readDocument(body: unknown): Promise<unknown> {
  if (typeof body !== 'string') return body
  const { parseYaml, yamlFault } = await import('../configuration/yaml-text.ts')
  try {
    return await parseYaml(body)
  } catch (cause) {
    throw new RestError('REQUEST_MALFORMED', `The body is not YAML: ${yamlFault(cause)}`, { cause })
  }
}

async function readDemand(body: unknown) {
  const { toDemand, toSentence } = await import('../configuration/wanted.ts')
  const { demand, faults } = toDemand([{ document: await readDocument(body) }])
  const [first] = faults
  if (!first) return demand
  throw new RestError('CONFIGURATION_INVALID', `Nothing was done: ${toSentence(first)}.`, { fields: faults })
}

/** A part that may not be read, or cannot be now, ends the whole: half a configuration is none. */
async function asWhole<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { AskRefused } = await import('../configuration/current.ts')
    if (!(cause instanceof AskRefused)) throw cause
    const code = cause.status === 403 || cause.status === 401 ? 'AUTH_FORBIDDEN' : 'CONFIGURATION_UNREADABLE'
    throw new RestError(code, cause.refusal.detail, { cause })
  }
}

/** The whole configuration as one document. Each thing in it is read and written with the caller's own rights, as under its own path. */
export const configurationRoutes: Routes = (app, { configuration }) => {
  app.addContentTypeParser(yamlTypes, { parseAs: 'string', bodyLimit: maxBodyLimitBytes }, (_request, body, done) =>
    done(null, body),
  )
  app.get(
    '/api/v1/export',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'exportConfiguration',
        summary: 'The whole configuration as YAML, with ${NAME} in the place of each secret',
        tags: ['configuration'],
        produces: ['application/yaml'],
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const text = await asWhole(async () => (await configuration()).export(insiderFor(request)))
      return reply.type('application/yaml; charset=utf-8').serializer(String).send(text)
    },
  )
  app.post(
    '/api/v1/apply',
    {
      bodyLimit: maxBodyLimitBytes,
      config: { permission: 'system.write' },
      schema: {
        operationId: 'applyConfiguration',
        summary: 'Makes the configuration as a document says, or with dryRun tells what would change',
        tags: ['configuration'],
        consumes: ['application/yaml', 'application/json'],
        querystring: Type.Object({ dryRun: Type.Optional(Type.Boolean({ default: false })) }),
        body: Type.Unknown({ description: 'A document as /api/v1/export answers it, or a part of it' }),
        response: { 200: ConfigurationOutcome },
      },
    },
    async (request) => {
      const dryRun = request.query.dryRun ?? false
      request.auditTarget = dryRun ? 'dry run' : 'configuration'
      // Each thing that is changed has an entry of its own.
      request.auditChanges = { dryRun }
      const demand = await readDemand(request.body)
      const insider = insiderFor(request)
      const outcome = await asWhole(async () => (await configuration()).apply(insider, demand, { dryRun }))
      request.auditChanges = { dryRun, ...outcome.counts }
      return outcome
    },
  )
}
