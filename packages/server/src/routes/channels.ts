import { Channel, ChannelBody, ChannelTest, ChannelTestAnswer, NewChannel } from '@patchbay/contracts/channel'
import { Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { RestError } from '../rest/errors.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const params = Type.Object({ name: Name })

/** Alert channels: the same instances as under `/api/v1/plugins`, by their names, and with the same rights. */
export const channelRoutes: Routes = (app, { channels }) => {
  app.get(
    '/api/v1/channels',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'listChannels',
        summary: 'Alert channels and how they do',
        tags: ['channels'],
        querystring: pageQuery({}),
        response: { 200: pageOf(ref(Channel)) },
      },
    },
    async ({ query }) => {
      const { limit, cursor } = toPage(query)
      const after = channels()
        .list()
        .filter(({ name }) => cursor === undefined || name > cursor)
      const items = after.slice(0, limit)
      const last = after.length > limit ? items.at(-1) : undefined
      return { items, ...(last ? { nextCursor: last.name } : {}) }
    },
  )
  app.post(
    '/api/v1/channels',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'createChannel',
        summary: 'Makes an alert channel; its name must be new',
        tags: ['channels'],
        body: NewChannel,
        response: { 201: ref(Channel) },
      },
    },
    async (request, reply) => {
      const { name } = request.body
      request.auditTarget = name
      if (
        channels()
          .list()
          .some((one) => one.name === name)
      )
        throw new RestError('CHANNEL_NAME_TAKEN', `There is a channel ${name} already.`)
      // Version 0 = not there yet, so that of two at once only one makes it.
      const channel = await channels().put(request.body, 0)
      setVersion(reply, channel.version)
      return reply.code(201).send(channel)
    },
  )
  app.get(
    '/api/v1/channels/:name',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'getChannel',
        summary: 'One alert channel; secrets are answered as {"set": true}',
        tags: ['channels'],
        params,
        response: { 200: ref(Channel) },
      },
    },
    async (request, reply) => {
      const channel = channels().get(request.params.name)
      setVersion(reply, channel.version)
      return channel
    },
  )
  app.put(
    '/api/v1/channels/:name',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'putChannel',
        summary: 'Makes or changes an alert channel; on failure the previous configuration stays active',
        tags: ['channels'],
        params,
        body: ChannelBody,
        response: { 200: ref(Channel) },
      },
    },
    async (request, reply) => {
      const { name } = request.params
      if (request.body.name !== undefined && request.body.name !== name)
        throw new RestError('REQUEST_INVALID', 'A channel cannot be renamed.', {
          fields: [{ path: '/name', code: 'differs', message: `must be ${name}, as in the path` }],
        })
      const channel = await channels().put({ ...request.body, name }, expectedVersion(request))
      setVersion(reply, channel.version)
      return channel
    },
  )
  app.delete(
    '/api/v1/channels/:name',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'deleteChannel',
        summary: 'Stops and removes an alert channel',
        tags: ['channels'],
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await channels().remove(request.params.name, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
  app.post(
    '/api/v1/channels/test',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'testChannel',
        summary: 'Sends a test notification with unsaved values and answers what the remote said',
        tags: ['channels'],
        body: ChannelTest,
        response: { 200: ref(ChannelTestAnswer) },
      },
    },
    async (request) => {
      request.auditTarget = request.body.name ?? request.body.plugin
      return channels().test(request.body)
    },
  )
}
