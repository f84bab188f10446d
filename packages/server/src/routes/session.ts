import { LoginBody, WhoAmI } from '@patchbay/contracts/person'
import { expand } from '@patchbay/core/people/permissions'
import type { Caller } from '@patchbay/core/people/caller'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { RestError } from '../rest/errors.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'
import { clearSession, setSession } from '../rest/session-cookie.ts'

const toWhoAmI = ({ kind, id, role, permissions }: Caller) => ({
  ...(kind === 'user' ? { user: id } : { apiKey: id }),
  role,
  // Single permissions, so that no console has to know the wildcards.
  permissions: expand(permissions),
})

export const sessionRoutes: Routes<GeneralDeps> = (app, { people }) => {
  app.post(
    '/api/v1/session',
    {
      config: { permission: 'open' },
      schema: {
        operationId: 'login',
        summary: 'Logs a person in; the answer sets the session cookie',
        tags: ['people'],
        body: LoginBody,
        response: { 200: WhoAmI },
      },
    },
    async (request, reply) => {
      request.auditTarget = request.body.user
      const { token } = await people.login(request.body.user, request.body.password, request.peer.address)
      const caller = await people.bySession(token)
      if (!caller) throw new RestError('AUTH_ENDED', 'The session was ended at once. Log in again.')
      // The one that the browser had before is worth nothing any more.
      if (request.caller?.session !== undefined) await people.sessions.end(request.caller.session)
      request.caller = caller
      setSession(request, reply, token)
      return toWhoAmI(caller)
    },
  )
  app.get(
    '/api/v1/session',
    {
      config: { permission: 'self' },
      schema: { operationId: 'whoAmI', summary: 'Who the caller is', tags: ['people'], response: { 200: WhoAmI } },
    },
    async (request) => toWhoAmI(callerOf(request)),
  )
  app.delete(
    '/api/v1/session',
    {
      config: { permission: 'open' },
      schema: { operationId: 'logout', summary: 'Ends the session', tags: ['people'], response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      if (request.caller?.session !== undefined) await people.sessions.end(request.caller.session)
      clearSession(request, reply)
      return reply.code(204).send(null)
    },
  )
}
