import { Maintenance, MaintenanceBody } from '@patchbay/contracts/maintenance'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const params = Type.Object({ id: Type.String({ maxLength: 64 }) })
const tags = ['alerts']

export const maintenanceRoutes: Routes = (app, { alerting: { maintenance } }) => {
  app.get(
    '/api/v1/maintenance',
    {
      config: { permission: 'alerts.read' },
      schema: {
        operationId: 'listMaintenance',
        summary: 'Maintenance windows, the latest first',
        tags,
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(Maintenance)) },
      },
    },
    async ({ query }) => maintenance.list(toPage(query)),
  )
  app.post(
    '/api/v1/maintenance',
    {
      config: { permission: 'maintenance.write' },
      schema: {
        operationId: 'createMaintenance',
        summary: 'Plans a time in which alerts are recorded and nobody is notified',
        tags,
        body: MaintenanceBody,
        response: { 201: ref(Maintenance) },
      },
    },
    async (request, reply) => {
      const window = await maintenance.create(request.body, callerOf(request).actor)
      request.auditTarget = window.id
      setVersion(reply, window.version)
      return reply.code(201).send(window)
    },
  )
  app.get(
    '/api/v1/maintenance/:id',
    {
      config: { permission: 'alerts.read' },
      schema: {
        operationId: 'getMaintenance',
        summary: 'One maintenance window',
        tags,
        params,
        response: { 200: ref(Maintenance) },
      },
    },
    async (request, reply) => {
      const window = maintenance.get(request.params.id)
      setVersion(reply, window.version)
      return window
    },
  )
  app.put(
    '/api/v1/maintenance/:id',
    {
      config: { permission: 'maintenance.write' },
      schema: {
        operationId: 'replaceMaintenance',
        summary: 'Changes a maintenance window; an end in the past ends it',
        tags,
        params,
        body: MaintenanceBody,
        response: { 200: ref(Maintenance) },
      },
    },
    async (request, reply) => {
      const window = await maintenance.replace(request.params.id, request.body, expectedVersion(request))
      setVersion(reply, window.version)
      return window
    },
  )
  app.delete(
    '/api/v1/maintenance/:id',
    {
      config: { permission: 'maintenance.write' },
      schema: {
        operationId: 'deleteMaintenance',
        summary: 'Removes a maintenance window',
        tags,
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await maintenance.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
