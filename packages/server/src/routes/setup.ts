import { SetupBody, SetupState } from '@patchbay/contracts/person'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

/** The owner is made once, with the token that the first start printed. */
export const setupRoutes: Routes<GeneralDeps> = (app, { people }) => {
  app.get(
    '/api/v1/setup',
    {
      config: { permission: 'open' },
      schema: {
        operationId: 'getSetup',
        summary: 'Is an owner needed?',
        tags: ['people'],
        response: { 200: SetupState },
      },
    },
    async () => ({ needed: await people.setup.needed() }),
  )
  app.post(
    '/api/v1/setup',
    {
      config: { permission: 'open' },
      schema: {
        operationId: 'completeSetup',
        summary: 'Creates the owner, exactly once',
        tags: ['people'],
        body: SetupBody,
        response: { 201: SetupState },
      },
    },
    async (request, reply) => {
      const { token, user, password } = request.body
      request.auditTarget = user
      people.limiter.take(undefined, request.peer.address)
      await people.setup.complete({ token, user, password })
      request.auditActor = 'setup'
      return reply.code(201).send({ needed: false })
    },
  )
}
