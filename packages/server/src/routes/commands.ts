import { Command, NewCommand } from '@patchbay/contracts/command'
import { DeviceId } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const device = { id: DeviceId }
const one = Type.Object({ ...device, cid: Type.String({ maxLength: 128 }) })

export const commandRoutes: Routes = (app, { devices, commands }) => {
  app.post(
    '/api/v1/devices/:id/commands',
    {
      config: { permission: 'commands.write' },
      schema: {
        operationId: 'sendCommand',
        summary: 'Queues a command; it waits durably until the device takes it or the time is over',
        tags: ['commands'],
        params: Type.Object(device),
        body: NewCommand,
        response: { 202: ref(Command) },
      },
    },
    async (request, reply) => {
      await devices.get(request.params.id)
      return reply.code(202).send(await commands.create(request.params.id, request.body))
    },
  )
  app.get(
    '/api/v1/devices/:id/commands',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listCommands',
        summary: 'The commands of a device, newest first',
        tags: ['commands'],
        params: Type.Object(device),
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(Command)) },
      },
    },
    async (request) => {
      await devices.get(request.params.id)
      return commands.list(request.params.id, toPage(request.query))
    },
  )
  app.get(
    '/api/v1/devices/:id/commands/:cid',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'getCommand',
        summary: 'One command and where it is',
        tags: ['commands'],
        params: one,
        response: { 200: ref(Command) },
      },
    },
    async (request) => commands.get(request.params.id, request.params.cid),
  )
  app.post(
    '/api/v1/devices/:id/commands/:cid/cancel',
    {
      config: { permission: 'commands.write' },
      schema: {
        operationId: 'cancelCommand',
        summary: 'Cancels a command that has not ended',
        tags: ['commands'],
        params: one,
        response: { 200: ref(Command) },
      },
    },
    async (request) => commands.cancel(request.params.id, request.params.cid),
  )
}
