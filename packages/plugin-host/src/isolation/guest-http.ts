import { AsyncLocalStorage } from 'node:async_hooks'
import { Duplex } from 'node:stream'
import { setPeer } from '@patchbay/sdk'
import type { FastifyInstance } from 'fastify'
import { HostError } from '../errors.ts'
import type { RunDispatcher } from '../run.ts'
import { type Channel, type Handler, WithBytes } from './channel.ts'
import { type CarriedRequest, isCarriedRequest, maxAnswerBytes } from './http-carry.ts'

/** Stands for the socket, which stays with the host. */
const noSocket = (): Duplex => new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })

const inject = async (
  app: FastifyInstance,
  { method, url, headers, peer }: CarriedRequest,
  body: Uint8Array | undefined,
): Promise<WithBytes> => {
  const payload = body && body.length > 0 ? { payload: Buffer.from(body) } : {}
  const reply = await app.inject({
    method,
    url,
    headers,
    remoteAddress: peer.address,
    payloadAsStream: true,
    ...payload,
  })
  const chunks: Buffer[] = []
  let length = 0
  const stream: AsyncIterable<Buffer> = reply.stream()
  for await (const chunk of stream) {
    length += chunk.length
    chunks.push(chunk)
    if (length <= maxAnswerBytes) continue
    // What makes the answer need not go on.
    reply.raw.res.destroy()
    throw new HostError('PLUGIN_ANSWER_TOO_LARGE', `The answer of the plugin has more than ${maxAnswerBytes} bytes.`)
  }
  return new WithBytes({ status: reply.statusCode, headers: reply.headers }, [Buffer.concat(chunks, length)])
}

/** The plugin's HTTP behind the boundary: whole requests come as messages, whole answers go back. */
export function createGuestHttp(parts: {
  channel: Channel
  handlers: Map<string, Handler>
  crashed(error: unknown): void
}): RunDispatcher {
  const arriving = new AsyncLocalStorage<CarriedRequest>()
  return {
    admitted: () => arriving.getStore()?.admitted === true,
    arrive(raw) {
      const { peer } = arriving.getStore() ?? {}
      if (!peer) return
      const { address, encrypted, listener, certificate } = peer
      setPeer(raw, { socket: noSocket(), address, encrypted, listener, ...(certificate ? { certificate } : {}) })
    },
    mount({ app, upgrades }) {
      if (upgrades.size > 0)
        throw new HostError('PLUGIN_LEVEL', 'Upgrades, such as WebSockets, can be taken at host level only.')
      if (!app) return async () => undefined
      const underWay = new Set<Promise<unknown>>()
      parts.handlers.set('request', async (value, [body]) => {
        if (!isCarriedRequest(value)) throw new HostError('PLUGIN_PROTOCOL', 'A request cannot be read.')
        const work = arriving.run(value, () => inject(app, value, body))
        underWay.add(work)
        try {
          return await work
        } finally {
          underWay.delete(work)
        }
      })
      parts.channel.call('http').catch(parts.crashed)
      return async () => {
        await Promise.allSettled(underWay)
        await app.close()
      }
    },
  }
}
