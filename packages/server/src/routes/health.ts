import { Readiness } from '@patchbay/contracts/system'
import { Type } from 'typebox'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

/** For load balancers and probes: alive, and ready to take work. */
export const healthRoutes: Routes<GeneralDeps> = (app, deps) => {
  app.get(
    '/healthz',
    { config: { permission: 'open' }, schema: { response: { 200: Type.Object({ alive: Type.Boolean() }) } } },
    async () => ({ alive: true }),
  )
  app.get(
    '/readyz',
    { config: { permission: 'open' }, schema: { response: { 200: Readiness, 503: Readiness } } },
    async (_request, reply) => {
      const readiness = await deps.ready()
      return reply.code(readiness.ready ? 200 : 503).send(readiness)
    },
  )
}
