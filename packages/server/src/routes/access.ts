import { AccessRule, AccessRuleBody, AccessTest, Decision, NewAccessRule, Refusal } from '@patchbay/contracts/access'
import { DeviceId, Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const rule = Type.Object({ id: Name })
const refusalFilters = {
  device: Type.Optional(Type.String({ maxLength: 128 })),
  action: Type.Optional(Refusal.properties.action),
  code: Type.Optional(Type.String({ maxLength: 64 })),
}

/** Extra rights and bans, what was refused and why, and a way to ask beforehand. */
export const accessRoutes: Routes = (app, { accessRules, authoriser, devices, refusals }) => {
  app.get(
    '/api/v1/access/rules',
    {
      config: { permission: 'access.read' },
      schema: {
        operationId: 'listAccessRules',
        summary: 'Extra rights and bans, in their order',
        tags: ['access'],
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(AccessRule)) },
      },
    },
    async (request) => accessRules.list(toPage(request.query)),
  )
  app.post(
    '/api/v1/access/rules',
    {
      config: { permission: 'access.write' },
      schema: {
        operationId: 'createAccessRule',
        summary: 'Adds a right or a ban',
        tags: ['access'],
        body: NewAccessRule,
        response: { 201: ref(AccessRule) },
      },
    },
    async (request, reply) => {
      const created = await accessRules.create(request.body)
      request.auditTarget = created.id
      setVersion(reply, created.version)
      return reply.code(201).send(created)
    },
  )
  app.get(
    '/api/v1/access/rules/:id',
    {
      config: { permission: 'access.read' },
      schema: {
        operationId: 'getAccessRule',
        summary: 'One rule',
        tags: ['access'],
        params: rule,
        response: { 200: ref(AccessRule) },
      },
    },
    async (request, reply) => {
      const found = accessRules.get(request.params.id)
      setVersion(reply, found.version)
      return found
    },
  )
  app.put(
    '/api/v1/access/rules/:id',
    {
      config: { permission: 'access.write' },
      schema: {
        operationId: 'replaceAccessRule',
        summary: 'Replaces a rule; it holds from the next message on',
        tags: ['access'],
        params: rule,
        body: AccessRuleBody,
        response: { 200: ref(AccessRule) },
      },
    },
    async (request, reply) => {
      const replaced = await accessRules.replace(request.params.id, request.body, expectedVersion(request))
      setVersion(reply, replaced.version)
      return replaced
    },
  )
  app.delete(
    '/api/v1/access/rules/:id',
    {
      config: { permission: 'access.write' },
      schema: {
        operationId: 'deleteAccessRule',
        summary: 'Removes a rule',
        tags: ['access'],
        params: rule,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await accessRules.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
  app.post(
    '/api/v1/devices/:id/access/test',
    {
      config: { permission: 'access.read', unaudited: true },
      schema: {
        operationId: 'testAccess',
        summary: 'May this device publish or subscribe here, and which rule decides?',
        tags: ['access'],
        params: Type.Object({ id: DeviceId }),
        body: AccessTest,
        response: { 200: ref(Decision) },
      },
    },
    async (request) => {
      const { type, tags } = await devices.get(request.params.id)
      const subject = { kind: 'device', id: request.params.id, type, tags } as const
      return authoriser.decideWithProviders(subject, request.body.action, request.body.topic)
    },
  )
  app.get(
    '/api/v1/refusals',
    {
      config: { permission: 'access.read' },
      schema: {
        operationId: 'listRefusals',
        summary: 'Every refused connect, publish and subscribe: who, when, by which step and why; newest first',
        tags: ['access'],
        querystring: pageQuery(refusalFilters),
        response: { 200: pageOf(ref(Refusal)) },
      },
    },
    async ({ query: { limit, cursor, ...filters } }) =>
      refusals.list({
        ...toPage({ ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) }),
        ...filters,
      }),
  )
}
