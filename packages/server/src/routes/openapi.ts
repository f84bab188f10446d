import { Type } from 'typebox'
import { withPluginRoutes } from '../rest/plugin-openapi.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

export const openapiRoutes: Routes<GeneralDeps> = (app, { pluginRoutes }) => {
  app.get(
    '/api/v1/openapi.json',
    {
      config: { permission: 'self', openOnLoopback: true },
      schema: {
        operationId: 'getOpenapi',
        summary: 'This description',
        tags: ['system'],
        response: { 200: Type.Record(Type.String(), Type.Unknown()) },
      },
    },
    async (_request, reply) =>
      reply
        .type('application/json')
        .serializer(JSON.stringify)
        .send(withPluginRoutes({ ...app.swagger() }, pluginRoutes?.() ?? [])),
  )
}
