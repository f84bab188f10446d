import { mayDo, type Caller } from '@patchbay/core/people/caller'
import type { Permission } from '@patchbay/contracts/person'
import type { FastifyRequest } from 'fastify'
import { RestError } from './errors.ts'

/** The caller of a route that is not open. */
export const callerOf = (request: FastifyRequest): Caller => {
  if (!request.caller)
    throw new RestError('AUTH_REQUIRED', 'Log in, or send an API key as "Authorization: Bearer <key>".')
  return request.caller
}

/** For rights that depend on more than the route. */
export const demand = (caller: Caller, permission: Permission): void => {
  if (!mayDo(caller, permission))
    throw new RestError('AUTH_FORBIDDEN', `This needs the permission ${permission}; the role ${caller.role} lacks it.`)
}
