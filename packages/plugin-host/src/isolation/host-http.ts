import type { IncomingMessage } from 'node:http'
import { peerOf } from '@patchbay/sdk'
import type { HttpMount } from '@patchbay/contracts/plugin'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { HostError, isHostError } from '../errors.ts'
import { mountOf, toPath } from '../http/mounts.ts'
import { type ByteBudget, type ByteLease, createByteBudget } from './byte-budget.ts'
import type { Channel, Reply } from './channel.ts'
import { collectBody, UntakenBody } from './collect-body.ts'
import { carriedMethods, isCarriedAnswer, maxBodyBytes, maxHeldBytes, uncountedBytes } from './http-carry.ts'

/** Of the connection, not of the message. */
const notCarried: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'set-cookie',
])
/** The session of a person at the console. */
const sessionCookie = /(?:^|;\s*)(?:__Host-)?patchbay=[^;]*/g

type Headers = Record<string, string | string[]>

/** The headers that the plugin may see: with what a person or application has shown to the platform it could act as them. */
const toHeaders = (request: FastifyRequest, auth: HttpMount['auth']): Headers => {
  const { cookie, authorization, ...rest } = request.headers
  const headers: Headers = {}
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) headers[name] = value
  if (auth === 'session') return headers
  const cookies = cookie?.replaceAll(sessionCookie, '').replace(/^;\s*/, '') ?? ''
  return {
    ...headers,
    ...(cookies === '' ? {} : { cookie: cookies }),
    ...(authorization === undefined ? {} : { authorization }),
  }
}

/** Takes all requests under the plugin's mounts and carries them over, whole. */
export const carryHttp =
  (
    mounts: readonly HttpMount[],
    admitted: (request: FastifyRequest) => boolean,
    channel: () => Channel,
  ): FastifyPluginAsync =>
  async (app) => {
    app.removeAllContentTypeParsers()
    const bodies = createByteBudget(maxHeldBytes)
    const answers = createByteBudget(maxHeldBytes)
    const leases = new WeakMap<FastifyRequest, ByteLease>()
    app.addHook('onRequest', async (request, reply) => void leases.set(request, lend(bodies, reply)))
    app.addContentTypeParser('*', async (request: FastifyRequest, body: IncomingMessage) =>
      collectBody(body, {
        announced: request.headers['content-length'],
        maxBytes: maxBodyBytes,
        lease: leases.get(request) ?? bodies.open(),
      }),
    )
    /** Until its client has the answer, or has gone. */
    const lend = (budget: ByteBudget, reply: FastifyReply): ByteLease => {
      const lease = budget.open()
      if (reply.raw.closed) return lease
      reply.raw.once('close', () => lease.close())
      return lease
    }
    const ask = async (value: unknown, body: readonly Buffer[]): Promise<Reply> => {
      try {
        return await channel().call('request', value, body)
      } catch (error) {
        // The answer to a request that was not even asked.
        if (isHostError(error) && error.code === 'PLUGIN_LIMIT')
          throw new HostError('INSTANCE_BUSY', undefined, { cause: error })
        throw error
      }
    }
    const carry = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (request.body instanceof UntakenBody) throw request.body.error
      const { auth } = mountOf(mounts, toPath(request.url)) ?? { auth: 'session' }
      const { address, encrypted, listener, certificate } = peerOf(request)
      const body = Buffer.isBuffer(request.body) ? [request.body] : []
      const { value, bytes } = await ask(
        {
          method: request.method,
          url: request.url,
          headers: toHeaders(request, auth),
          admitted: admitted(request),
          peer: { address, encrypted, listener, certificate },
        },
        body,
      )
      if (!isCarriedAnswer(value)) throw new HostError('PLUGIN_PROTOCOL', 'The answer to a request cannot be read.')
      for (const [name, header] of Object.entries(value.headers)) {
        if (notCarried.has(name.toLowerCase())) continue
        if (typeof header === 'string' || typeof header === 'number') reply.header(name, String(header))
      }
      const [answer] = bytes
      if (answer && answer.length > uncountedBytes) lend(answers, reply).take(answer.length)
      return reply.code(value.status).send(answer && answer.length > 0 ? Buffer.from(answer) : undefined)
    }
    const method = [...carriedMethods]
    for (const { prefix } of mounts)
      for (const url of prefix === '' || prefix === '/' ? ['/*'] : [prefix, `${prefix}/*`])
        app.route({ method, url, handler: carry })
  }
