import { Type } from 'typebox'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

export const openapiRoutes: Routes<GeneralDeps> = (app) => {
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
        .send({ ...app.swagger() }),
  )
}
