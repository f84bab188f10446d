import { Type } from 'typebox'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

export const metricRoutes: Routes<GeneralDeps> = (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      config: { permission: 'system.read', openOnLoopback: true },
      schema: { response: { 200: Type.String() } },
    },
    async (_request, reply) => {
      const { type, body } = await metrics.text()
      return reply.header('content-type', type).serializer(String).send(body)
    },
  )
}
