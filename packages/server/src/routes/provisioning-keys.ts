import { pageOf } from '@patchbay/contracts/page'
import {
  CreatedProvisioningKey,
  NewProvisioningKey,
  ProvisioningKey,
  ProvisioningKeyPatch,
} from '@patchbay/contracts/provisioning'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const tags = ['devices']
const path = '/api/v1/provisioning-keys'
const params = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{24}$' }) })
const Created = Type.Object({ ...CreatedProvisioningKey.properties, provisioningKey: ref(ProvisioningKey) })

/** Keys by which devices get credentials of their own at first contact. */
export const provisioningKeyRoutes: Routes = (app, { provisioningKeys }) => {
  app.get(
    path,
    {
      config: { permission: 'provisioning.read' },
      schema: {
        operationId: 'listProvisioningKeys',
        summary: 'Provisioning keys, without the keys themselves',
        tags,
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(ProvisioningKey)) },
      },
    },
    async ({ query }) => provisioningKeys.list(toPage(query)),
  )
  app.post(
    path,
    {
      config: { permission: 'provisioning.write' },
      schema: {
        operationId: 'createProvisioningKey',
        summary: 'Makes a provisioning key; it is answered here once',
        description:
          'Whoever has the key makes devices and gets their secrets, so its maker needs devices.write and devices.secrets too.',
        tags,
        body: NewProvisioningKey,
        response: { 201: Created },
      },
    },
    async (request, reply) => {
      const created = await provisioningKeys.create(callerOf(request), request.body)
      const { id, version } = created.provisioningKey
      request.auditTarget = id
      setVersion(reply, version)
      return reply.code(201).header('location', `${path}/${id}`).send(created)
    },
  )
  app.get(
    `${path}/:id`,
    {
      config: { permission: 'provisioning.read' },
      schema: {
        operationId: 'getProvisioningKey',
        summary: 'One provisioning key, and how many devices it has let in',
        tags,
        params,
        response: { 200: ref(ProvisioningKey) },
      },
    },
    async (request, reply) => {
      const key = await provisioningKeys.get(request.params.id)
      setVersion(reply, key.version)
      return key
    },
  )
  app.patch(
    `${path}/:id`,
    {
      config: { permission: 'provisioning.write' },
      schema: {
        operationId: 'patchProvisioningKey',
        summary: 'Changes name, tags, quota or expiry, or switches the key off and on',
        tags,
        params,
        body: ProvisioningKeyPatch,
        response: { 200: ref(ProvisioningKey) },
      },
    },
    async (request, reply) => {
      const { body } = request
      const key = await provisioningKeys.patch(callerOf(request), request.params.id, body, expectedVersion(request))
      setVersion(reply, key.version)
      return key
    },
  )
  app.delete(
    `${path}/:id`,
    {
      config: { permission: 'provisioning.write' },
      schema: {
        operationId: 'deleteProvisioningKey',
        summary: 'Ends a provisioning key at once; the devices that it let in stay',
        tags,
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await provisioningKeys.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
