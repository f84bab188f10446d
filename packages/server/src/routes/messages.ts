import { NewMessage, RetainedMessage } from '@patchbay/contracts/message'
import { defaultPageSize, pageOf } from '@patchbay/contracts/page'
import type { Retained } from '@patchbay/contracts/session'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { RestError } from '../rest/errors.ts'
import { pageQuery } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const bodyLimitBytes = 512 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true })

const toBytes = ({ payload, base64 }: NewMessage): Uint8Array => {
  if (base64 !== undefined && payload !== undefined) {
    throw new RestError('REQUEST_INVALID', 'Send payload or base64, not both.')
  }
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  if (payload === undefined) return new Uint8Array()
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

const toRetained = ({ topic, bytes, qos }: Retained): RetainedMessage => {
  try {
    return { topic, qos, payload: utf8.decode(bytes) }
  } catch {
    // Not text: it is shown as it is, in base64.
    return { topic, qos, base64: Buffer.from(bytes).toString('base64') }
  }
}

const toCursor = (topic: string): string => Buffer.from(topic).toString('base64url')
const fromCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString()

export const messageRoutes: Routes = (app, { hub }) => {
  app.post(
    '/api/v1/messages',
    {
      bodyLimit: bodyLimitBytes,
      config: { permission: 'messages.publish' },
      schema: {
        operationId: 'publishMessage',
        summary: 'Publishes as the caller; 204 means what an acknowledgement means on every protocol',
        tags: ['messages'],
        body: NewMessage,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { topic, qos = 1, retain = false } = request.body
      const { kind, id, publish, subscribe } = callerOf(request)
      // A person's right is messages.publish; a key has its filters besides.
      const rights =
        kind === 'key' ? { publish: publish ?? [], subscribe: subscribe ?? [] } : { publish: ['#'], subscribe: ['#'] }
      const publisher = {
        id,
        protocol: 'rest',
        address: request.peer.address,
        subject: { kind: 'application', id, ...rights },
      } as const
      await hub.publishAs(publisher, topic, toBytes(request.body), { qos, retain })
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/messages/retained',
    {
      config: { permission: 'messages.read' },
      schema: {
        operationId: 'listRetained',
        summary: 'Retained values in order of topic',
        tags: ['messages'],
        querystring: pageQuery({ filter: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })) }),
        response: { 200: pageOf(ref(RetainedMessage)) },
      },
    },
    async ({ query: { limit = defaultPageSize, cursor, filter = '#' } }) => {
      const found = await hub.retained({
        filter,
        limit: limit + 1,
        ...(cursor === undefined ? {} : { after: fromCursor(cursor) }),
      })
      const items = found.slice(0, limit).map(toRetained)
      const last = items.at(-1)
      return found.length > limit && last ? { items, nextCursor: toCursor(last.topic) } : { items }
    },
  )
  app.delete(
    '/api/v1/messages/retained',
    {
      config: { permission: 'messages.publish' },
      schema: {
        operationId: 'clearRetained',
        summary: 'Clears one retained value',
        tags: ['messages'],
        querystring: Type.Object({ topic: Type.String({ minLength: 1, maxLength: 512 }) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      if (!(await hub.clearRetained(request.query.topic))) {
        throw new RestError('PATH_UNKNOWN', 'No value is retained under this topic.')
      }
      return reply.code(204).send(null)
    },
  )
}
