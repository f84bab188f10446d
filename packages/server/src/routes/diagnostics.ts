import { Type } from 'typebox'
import { callerOf, demand } from '../rest/caller.ts'
import type { Routes } from '../rest/route-deps.ts'

/** What somebody who helps from afar needs to see. */
export const diagnosticsRoutes: Routes = (app, { diagnostics }) => {
  app.get(
    '/api/v1/system/diagnostics',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'readDiagnostics',
        summary:
          'A .tar.gz with versions, settings, state, metrics and the last log lines, without secrets; needs audit.read, too',
        tags: ['system'],
        produces: ['application/gzip'],
        response: { 200: Type.Unknown() },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      // The log names who did what, as the trail does.
      demand(caller, 'audit.read')
      return reply
        .type('application/gzip')
        .header('content-disposition', 'attachment; filename="patchbay-diagnostics.tar.gz"')
        .send(await diagnostics({ caller, peer: request.peer }))
    },
  )
}
