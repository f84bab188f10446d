import { Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { NewRole, Role, RoleBody } from '@patchbay/contracts/person'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

const tags = ['people']
const byId = Type.Object({ id: Name })

export const roleRoutes: Routes<GeneralDeps> = (app, { people: { roles } }) => {
  app.get(
    '/api/v1/roles',
    {
      config: { permission: 'roles.read' },
      schema: {
        operationId: 'listRoles',
        summary: 'The built-in roles (first page), then the own ones',
        tags,
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(Role)) },
      },
    },
    async ({ query }) => roles.list(toPage(query)),
  )
  app.post(
    '/api/v1/roles',
    {
      config: { permission: 'roles.write' },
      schema: {
        operationId: 'createRole',
        summary: 'Adds a role; nobody gives a permission that he lacks',
        tags,
        body: NewRole,
        response: { 201: ref(Role) },
      },
    },
    async (request, reply) => {
      request.auditTarget = request.body.id
      const role = await roles.create(callerOf(request), request.body)
      setVersion(reply, role.version)
      return reply.code(201).header('location', `/api/v1/roles/${role.id}`).send(role)
    },
  )
  app.get(
    '/api/v1/roles/:id',
    {
      config: { permission: 'roles.read' },
      schema: { operationId: 'getRole', summary: 'One role', tags, params: byId, response: { 200: ref(Role) } },
    },
    async (request, reply) => {
      const role = await roles.get(request.params.id)
      setVersion(reply, role.version)
      return role
    },
  )
  app.put(
    '/api/v1/roles/:id',
    {
      config: { permission: 'roles.write' },
      schema: {
        operationId: 'replaceRole',
        summary: 'Replaces a role; it holds for everybody who has it at once',
        tags,
        params: byId,
        body: RoleBody,
        response: { 200: ref(Role) },
      },
    },
    async (request, reply) => {
      const role = await roles.replace(callerOf(request), request.params.id, request.body, expectedVersion(request))
      setVersion(reply, role.version)
      return role
    },
  )
  app.delete(
    '/api/v1/roles/:id',
    {
      config: { permission: 'roles.write' },
      schema: {
        operationId: 'deleteRole',
        summary: 'Removes a role that nobody has',
        tags,
        params: byId,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await roles.remove(callerOf(request), request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
