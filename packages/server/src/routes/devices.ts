import { CreatedDevice, Device, DevicePatch, DeviceStatus, ImportLine, NewDevice } from '@patchbay/contracts/device'
import { DeviceId } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { importDevices } from '@patchbay/core/devices/device-import'
import { Type } from 'typebox'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { readDeviceRows } from './device-csv.ts'

const params = Type.Object({ id: DeviceId })
const importBodyBytes = 1024 * 1024
const filters = {
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Part of the id or the name' })),
  status: Type.Optional(DeviceStatus),
  type: Type.Optional(Type.String({ maxLength: 64 })),
  tag: Type.Optional(Type.String({ maxLength: 64 })),
  provisionedBy: Type.Optional(
    Type.String({ maxLength: 24, description: 'Id of the provisioning key that let it in' }),
  ),
  sort: Type.Optional(
    Type.String({ maxLength: 20, description: 'id, name or createdAt; with - before it descending' }),
  ),
}

export const deviceRoutes: Routes = (app, { devices, telemetry }) => {
  app.get(
    '/api/v1/devices',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listDevices',
        summary: 'Devices, searched, filtered and sorted',
        tags: ['devices'],
        querystring: pageQuery(filters),
        response: { 200: pageOf(ref(Device)) },
      },
    },
    async ({ query: { limit, cursor, ...rest } }) =>
      devices.list({
        ...toPage({ ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) }),
        ...rest,
      }),
  )
  app.post(
    '/api/v1/devices',
    {
      config: { permission: 'devices.write' },
      schema: {
        operationId: 'createDevice',
        summary: 'Registers a device; its secret is answered here once and kept as a hash',
        tags: ['devices'],
        body: NewDevice,
        response: { 201: CreatedDevice },
      },
    },
    async (request, reply) => {
      const created = await devices.create(request.body)
      request.auditTarget = created.device.id
      setVersion(reply, created.device.version)
      return reply.code(201).header('location', `/api/v1/devices/${created.device.id}`).send(created)
    },
  )
  app.addContentTypeParser('text/csv', { parseAs: 'string', bodyLimit: importBodyBytes }, (_request, body, done) =>
    done(null, body),
  )
  app.post(
    '/api/v1/devices/import',
    {
      bodyLimit: importBodyBytes,
      config: { permission: 'devices.write' },
      schema: {
        operationId: 'importDevices',
        summary: 'Registers a device for each line of a CSV with the columns id, name, type, tags (parted by ;)',
        tags: ['devices'],
        consumes: ['text/csv'],
        body: Type.String(),
        response: { 200: Type.Object({ items: Type.Array(ImportLine) }) },
      },
    },
    async (request) => ({ items: await importDevices(devices, await readDeviceRows(request.body)) }),
  )
  app.get(
    '/api/v1/devices/:id',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'getDevice',
        summary: 'One device',
        tags: ['devices'],
        params,
        response: { 200: ref(Device) },
      },
    },
    async (request, reply) => {
      const device = await devices.get(request.params.id)
      setVersion(reply, device.version)
      return device
    },
  )
  app.patch(
    '/api/v1/devices/:id',
    {
      config: { permission: 'devices.write' },
      schema: {
        operationId: 'patchDevice',
        summary: 'Changes name, type or tags',
        tags: ['devices'],
        params,
        body: DevicePatch,
        response: { 200: ref(Device) },
      },
    },
    async (request, reply) => {
      const device = await devices.patch(request.params.id, request.body, expectedVersion(request))
      setVersion(reply, device.version)
      return device
    },
  )
  app.delete(
    '/api/v1/devices/:id',
    {
      config: { permission: 'devices.write' },
      schema: {
        operationId: 'deleteDevice',
        summary: 'Removes the device; credentials, sessions and rights end at once',
        tags: ['devices'],
        params,
        querystring: Type.Object({
          data: Type.Optional(
            Type.Union([Type.Literal('keep'), Type.Literal('delete')], {
              description: 'What becomes of its telemetry; keep when not told',
            }),
          ),
        }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await devices.remove(request.params.id, expectedVersion(request))
      if (request.query.data === 'delete') await telemetry.deleteDevice(request.params.id)
      return reply.code(204).send(null)
    },
  )
}
