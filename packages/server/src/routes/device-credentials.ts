import {
  Credential,
  DeviceHappening,
  DeviceKey,
  DeviceLogin,
  LiveSession,
  RotateCredential,
} from '@patchbay/contracts/device'
import { DeviceId } from '@patchbay/contracts/id'
import { defaultPageSize, maxPageSize } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { RestError } from '../rest/errors.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const device = { id: DeviceId }
const credential = Type.Object({ ...device, cid: Type.String({ maxLength: 128 }) })
const session = Type.Object({ ...device, sid: Type.String({ maxLength: 128 }) })

/** What a device logs in with, and where it is logged in now. */
export const deviceCredentialRoutes: Routes = (app, { deviceLog, devices, hub }) => {
  app.get(
    '/api/v1/devices/:id/credentials',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listCredentials',
        summary: 'The credentials of a device, without their secrets',
        tags: ['devices'],
        params: Type.Object(device),
        response: { 200: Type.Object({ items: Type.Array(ref(Credential)) }) },
      },
    },
    async (request) => ({ items: await devices.listCredentials(request.params.id) }),
  )
  app.post(
    '/api/v1/devices/:id/credentials',
    {
      config: { permission: 'devices.secrets' },
      schema: {
        operationId: 'rotateCredential',
        summary:
          'Makes a new secret or pre-shared key, answered here once; the earlier ones of its kind end after overlapSeconds',
        tags: ['devices'],
        params: Type.Object(device),
        body: RotateCredential,
        response: {
          201: Type.Object({
            credential: ref(Credential),
            credentials: Type.Optional(DeviceLogin),
            preSharedKey: Type.Optional(DeviceKey),
          }),
        },
      },
    },
    async (request, reply) => {
      const { kind, overlapSeconds } = request.body
      const { id } = request.params
      const made = kind === 'psk' ? devices.rotateKey(id, overlapSeconds) : devices.rotate(id, overlapSeconds)
      return reply.code(201).send(await made)
    },
  )
  app.delete(
    '/api/v1/devices/:id/credentials/:cid',
    {
      config: { permission: 'devices.secrets' },
      schema: {
        operationId: 'deleteCredential',
        summary: 'Ends one credential and the sessions that came with it, at once',
        tags: ['devices'],
        params: credential,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await devices.removeCredential(request.params.id, request.params.cid)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/devices/:id/sessions',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listSessions',
        summary: 'The live sessions of a device',
        tags: ['devices'],
        params: Type.Object(device),
        response: { 200: Type.Object({ items: Type.Array(ref(LiveSession)) }) },
      },
    },
    async (request) => {
      await devices.get(request.params.id)
      return { items: hub.live(request.params.id) }
    },
  )
  app.get(
    '/api/v1/devices/:id/log',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'readDeviceLog',
        summary: 'When the device came and went, and its sessions, since the start; newest first',
        tags: ['devices'],
        params: Type.Object(device),
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageSize, default: defaultPageSize })),
        }),
        response: { 200: Type.Object({ items: Type.Array(ref(DeviceHappening)) }) },
      },
    },
    async ({ params: { id }, query: { limit } }) => {
      await devices.get(id)
      return { items: deviceLog.list(id, limit ?? defaultPageSize) }
    },
  )
  app.delete(
    '/api/v1/devices/:id/sessions/:sid',
    {
      config: { permission: 'devices.write' },
      schema: {
        operationId: 'disconnectSession',
        summary: 'Disconnects one session; the device may come back',
        tags: ['devices'],
        params: session,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      if (!hub.disconnect(request.params.id, request.params.sid)) {
        throw new RestError('PATH_UNKNOWN', 'The device has no such session.')
      }
      return reply.code(204).send(null)
    },
  )
}
