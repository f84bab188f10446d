import { DeviceId } from '@patchbay/contracts/id'
import { Shadow, ShadowPatch } from '@patchbay/contracts/shadow'
import { Type } from 'typebox'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const params = Type.Object({ id: DeviceId })
const path = '/api/v1/devices/:id/shadow'

export const shadowRoutes: Routes = (app, { devices, shadows }) => {
  app.get(
    path,
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'getShadow',
        summary: 'What is desired, what is reported, and the difference',
        tags: ['shadow'],
        params,
        response: { 200: ref(Shadow) },
      },
    },
    async (request) => {
      await devices.get(request.params.id)
      return shadows.get(request.params.id)
    },
  )
  app.patch(
    path,
    {
      config: { permission: 'shadow.write' },
      schema: {
        operationId: 'patchShadow',
        summary: 'Merges into desired; null removes a key; 409 when version is not the current one',
        tags: ['shadow'],
        params,
        body: ShadowPatch,
        response: { 200: ref(Shadow) },
      },
    },
    async (request) => {
      await devices.get(request.params.id)
      return shadows.patchDesired(request.params.id, request.body.desired, request.body.version)
    },
  )
}
