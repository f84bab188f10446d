import { pageOf } from '@patchbay/contracts/page'
import { ApiKey, CreatedApiKey, NewApiKey } from '@patchbay/contracts/person'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

const tags = ['people']
const byId = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{24}$' }) })
const Created = Type.Object({ ...CreatedApiKey.properties, apiKey: ref(ApiKey) })

export const apiKeyRoutes: Routes<GeneralDeps> = (app, { people: { apiKeys } }) => {
  app.get(
    '/api/v1/api-keys',
    {
      config: { permission: 'keys.read' },
      schema: {
        operationId: 'listApiKeys',
        summary: 'Keys of applications, without the keys themselves',
        tags,
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(ApiKey)) },
      },
    },
    async ({ query }) => apiKeys.list(toPage(query)),
  )
  app.post(
    '/api/v1/api-keys',
    {
      config: { permission: 'keys.write' },
      schema: {
        operationId: 'createApiKey',
        summary: 'Makes a key; it is answered here once',
        description: 'Without a role the key has no right in REST and only publishes and subscribes by its filters.',
        tags,
        body: NewApiKey,
        response: { 201: Created },
      },
    },
    async (request, reply) => {
      const created = await apiKeys.create(callerOf(request), request.body)
      request.auditTarget = created.apiKey.id
      setVersion(reply, created.apiKey.version)
      return reply.code(201).header('location', `/api/v1/api-keys/${created.apiKey.id}`).send(created)
    },
  )
  app.get(
    '/api/v1/api-keys/:id',
    {
      config: { permission: 'keys.read' },
      schema: { operationId: 'getApiKey', summary: 'One key', tags, params: byId, response: { 200: ref(ApiKey) } },
    },
    async (request, reply) => {
      const apiKey = await apiKeys.get(request.params.id)
      setVersion(reply, apiKey.version)
      return apiKey
    },
  )
  app.delete(
    '/api/v1/api-keys/:id',
    {
      config: { permission: 'keys.write' },
      schema: {
        operationId: 'deleteApiKey',
        summary: 'Ends a key at once',
        tags,
        params: byId,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await apiKeys.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
