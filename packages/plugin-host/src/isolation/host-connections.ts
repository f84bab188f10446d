import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Connection, Context, DatagramPort } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import type { Channel, Handler } from './channel.ts'
import { asks } from './asks.ts'

/** Bytes of one connection that the plugin has not read yet. */
export const connectionWindowBytes = 256 * 1024
/** Datagrams of one instance on their way to the plugin; more are lost, as a network loses them. */
const maxDatagramsUnderWay = 1_000

const unreadable = (what: string): never => {
  throw new HostError('PLUGIN_PROTOCOL', `What the plugin asks of ${what} cannot be read.`)
}

interface Held {
  connection: Connection
  unread: number
}

/** Resolves when more may be written, or nothing any more. */
const roomIn = async (socket: Duplex): Promise<void> => {
  const heard = new AbortController()
  const { signal } = heard
  try {
    await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })])
  } finally {
    heard.abort()
  }
}

/** Sockets of a plugin behind the boundary: they stay here, their bytes travel. */
export function createHostConnections(
  ctx: Pick<Context<unknown>, 'listen' | 'listenUdp'>,
  channel: () => Channel,
): { handlers: readonly (readonly [string, Handler])[]; closeAll(): void } {
  const held = new Map<number, Held>()
  const ports = new Map<string, DatagramPort>()
  const closers = new Map<string, () => Promise<void>>()
  let datagramsUnderWay = 0
  let nextConnection = 1

  const carry = (connection: Connection): void => {
    const { socket, address, encrypted, certificate, listener } = connection
    const c = nextConnection++
    const of: Held = { connection, unread: 0 }
    held.set(c, of)
    channel().cast('connection.open', { c, address, encrypted, certificate, listener })
    socket.on('data', (chunk: Buffer) => {
      of.unread += chunk.length
      if (of.unread >= connectionWindowBytes) socket.pause()
      channel().cast('connection.data', { c }, [chunk])
    })
    socket.once('end', () => channel().cast('connection.ended', { c }))
    // The end follows, and is told.
    socket.on('error', () => undefined)
    socket.once('close', () => {
      held.delete(c)
      channel().cast('connection.closed', { c })
    })
  }

  const handlers: [string, Handler][] = [
    [
      'listen',
      (value) => {
        if (!asks.listen(value)) return unreadable('listen')
        closers.set(value.name, ctx.listen(value, carry))
        return undefined
      },
    ],
    [
      'unlisten',
      async (value) => {
        if (!asks.unlisten(value)) return unreadable('unlisten')
        await closers.get(value.name)?.()
        closers.delete(value.name)
        return undefined
      },
    ],
    [
      'listenUdp',
      (value) => {
        if (!asks.listen(value)) return unreadable('listenUdp')
        const { name } = value
        return ctx.listenUdp(value, (bytes, { address, port }, from) => {
          ports.set(name, from)
          if (datagramsUnderWay >= maxDatagramsUnderWay) return
          datagramsUnderWay += 1
          const done = (): void => void (datagramsUnderWay -= 1)
          channel().call('datagram', { listener: name, address, port }, [bytes]).then(done, done)
        })
      },
    ],
    [
      'datagram.send',
      (value, [bytes]) => {
        if (asks.datagram(value) && bytes) ports.get(value.listener)?.send(bytes, value)
      },
    ],
    [
      'connection.write',
      async (value, [bytes]) => {
        if (!asks.ofConnection(value) || !bytes) return unreadable('a connection')
        const socket = held.get(value.c)?.connection.socket
        if (!socket || socket.destroyed) throw new HostError('PLUGIN_STOPPED', 'The connection is closed.')
        if (!socket.write(bytes)) await roomIn(socket)
        return undefined
      },
    ],
    [
      'connection.credit',
      (value) => {
        const of = asks.credit(value) ? held.get(value.c) : undefined
        if (!of || !asks.credit(value)) return
        of.unread = Math.max(0, of.unread - value.bytes)
        if (of.unread < connectionWindowBytes) of.connection.socket.resume()
      },
    ],
    ['connection.end', (value) => void (asks.ofConnection(value) && held.get(value.c)?.connection.socket.end())],
    [
      'connection.destroy',
      (value) => void (asks.ofConnection(value) && held.get(value.c)?.connection.socket.destroy()),
    ],
  ]
  return {
    handlers,
    closeAll() {
      for (const { connection } of held.values()) connection.socket.destroy()
    },
  }
}
