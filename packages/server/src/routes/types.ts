import { DeviceType, DeviceTypeBody, NewDeviceType } from '@patchbay/contracts/device-type'
import { Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const params = Type.Object({ id: Name })

export const typeRoutes: Routes = (app, { types }) => {
  app.get(
    '/api/v1/types',
    {
      config: { permission: 'types.read' },
      schema: {
        operationId: 'listTypes',
        summary: 'Device types',
        tags: ['types'],
        querystring: pageQuery({ search: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: { 200: pageOf(ref(DeviceType)) },
      },
    },
    async ({ query: { search, ...page } }) =>
      types.list({ ...toPage(page), ...(search === undefined ? {} : { search }) }),
  )
  app.post(
    '/api/v1/types',
    {
      config: { permission: 'types.write' },
      schema: {
        operationId: 'createType',
        summary: 'Declares a device type',
        tags: ['types'],
        body: NewDeviceType,
        response: { 201: ref(DeviceType) },
      },
    },
    async (request, reply) => {
      request.auditTarget = request.body.id
      const type = await types.create(request.body)
      setVersion(reply, type.version)
      return reply.code(201).send(type)
    },
  )
  app.get(
    '/api/v1/types/:id',
    {
      config: { permission: 'types.read' },
      schema: {
        operationId: 'getType',
        summary: 'One device type',
        tags: ['types'],
        params,
        response: { 200: ref(DeviceType) },
      },
    },
    async (request, reply) => {
      const type = types.get(request.params.id)
      setVersion(reply, type.version)
      return type
    },
  )
  app.put(
    '/api/v1/types/:id',
    {
      config: { permission: 'types.write' },
      schema: {
        operationId: 'replaceType',
        summary: 'Replaces a device type; it holds from the next message on',
        tags: ['types'],
        params,
        body: DeviceTypeBody,
        response: { 200: ref(DeviceType) },
      },
    },
    async (request, reply) => {
      const type = await types.replace(request.params.id, request.body, expectedVersion(request))
      setVersion(reply, type.version)
      return type
    },
  )
  app.delete(
    '/api/v1/types/:id',
    {
      config: { permission: 'types.write' },
      schema: {
        operationId: 'deleteType',
        summary: 'Removes a type that no device has',
        tags: ['types'],
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await types.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
