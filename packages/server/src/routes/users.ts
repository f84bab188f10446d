import { Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { NewUser, User, UserPatch } from '@patchbay/contracts/person'
import type { Caller } from '@patchbay/core/people/caller'
import { Type } from 'typebox'
import { callerOf, demand } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

const tags = ['people']
const byId = Type.Object({ id: Name })

const isSelf = (caller: Caller, id: string): boolean =>
  caller.kind === 'user' && caller.id.toLowerCase() === id.toLowerCase()

export const userRoutes: Routes<GeneralDeps> = (app, { people }) => {
  const { users } = people
  app.get(
    '/api/v1/users',
    {
      config: { permission: 'users.read' },
      schema: {
        operationId: 'listUsers',
        summary: 'People who may log in',
        tags,
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(User)) },
      },
    },
    async ({ query }) => users.list(toPage(query)),
  )
  app.post(
    '/api/v1/users',
    {
      config: { permission: 'users.write' },
      schema: {
        operationId: 'createUser',
        summary: 'Adds a person',
        tags,
        body: NewUser,
        response: { 201: ref(User) },
      },
    },
    async (request, reply) => {
      request.auditTarget = request.body.id
      const user = await users.create(callerOf(request), request.body)
      setVersion(reply, user.version)
      return reply.code(201).header('location', `/api/v1/users/${user.id}`).send(user)
    },
  )
  app.get(
    '/api/v1/users/:id',
    {
      config: { permission: 'self' },
      schema: { operationId: 'getUser', summary: 'One person', tags, params: byId, response: { 200: ref(User) } },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!isSelf(callerOf(request), id)) demand(callerOf(request), 'users.read')
      const user = await users.get(id)
      setVersion(reply, user.version)
      return user
    },
  )
  app.patch(
    '/api/v1/users/:id',
    {
      config: { permission: 'self' },
      schema: {
        operationId: 'updateUser',
        summary: 'Changes a person; everybody may change the own name and password',
        description:
          'A new password or role ends all sessions of the person. The own password is changed by saying the present one as `currentPassword`.',
        tags,
        params: byId,
        body: UserPatch,
        response: { 200: ref(User) },
      },
    },
    async (request, reply) => {
      const { body, params } = request
      const caller = callerOf(request)
      if (!isSelf(caller, params.id) || body.role !== undefined) demand(caller, 'users.write')
      const { currentPassword, ...patch } = body
      if (isSelf(caller, params.id) && patch.password !== undefined)
        await people.provePassword(params.id, currentPassword, request.peer.address)
      const user = await users.update(caller, params.id, patch, expectedVersion(request))
      setVersion(reply, user.version)
      return user
    },
  )
  app.delete(
    '/api/v1/users/:id',
    {
      config: { permission: 'users.write' },
      schema: {
        operationId: 'deleteUser',
        summary: 'Removes a person',
        tags,
        params: byId,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await users.remove(callerOf(request), request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
