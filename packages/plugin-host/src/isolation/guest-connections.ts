import { Duplex } from 'node:stream'
import type { Connection, DatagramPeer, DatagramPort, OnDatagram } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { HostError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { Channel } from './channel.ts'
import type { GuestParts } from './guest-contributions.ts'

const Opened = Type.Object({
  c: Type.Integer(),
  listener: Type.String(),
  address: Type.String(),
  encrypted: Type.Boolean(),
  certificate: Type.Optional(Type.Object({ deviceId: Type.String(), fingerprint: Type.String() })),
})
const OfConnection = Type.Object({ c: Type.Integer() })
const Arrived = Type.Object({ listener: Type.String(), address: Type.String(), port: Type.Integer() })

/** A connection whose socket stays with the host: bytes come and go as messages, and each side waits for the other. */
class CarriedSocket extends Duplex {
  readonly #channel: Channel
  readonly #c: number
  #unread = 0
  constructor(channel: Channel, c: number) {
    super()
    this.#channel = channel
    this.#c = c
  }
  arrive(bytes: Uint8Array): void {
    this.#unread += bytes.length
    this.push(Buffer.from(bytes))
  }
  override _read(): void {
    if (this.#unread === 0) return
    // What was handed on is what the host may send again.
    this.#channel.cast('connection.credit', { c: this.#c, bytes: this.#unread })
    this.#unread = 0
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#channel.call('connection.write', { c: this.#c }, [chunk]).then(
      () => done(),
      (error: Error) => done(error),
    )
  }
  override _final(done: () => void): void {
    this.#channel.cast('connection.end', { c: this.#c })
    done()
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.cast('connection.destroy', { c: this.#c })
    done(error)
  }
}

/** Listeners of the plugin's own, which the host opens for it. */
export function createGuestConnections({
  channel,
  handlers,
  crashed,
}: GuestParts): Pick<Services, 'listen' | 'listenUdp'> {
  const listeners = new Map<string, (connection: Connection) => void>()
  const datagramListeners = new Map<string, OnDatagram>()
  const ports = new Map<string, DatagramPort>()
  const sockets = new Map<number, CarriedSocket>()
  const socketOf = (value: unknown): CarriedSocket | undefined =>
    Value.Check(OfConnection, value) ? sockets.get(value.c) : undefined

  handlers.set('connection.open', (value) => {
    if (!Value.Check(Opened, value)) throw new HostError('PLUGIN_PROTOCOL', 'A connection cannot be read.')
    const { c, listener, address, encrypted, certificate } = value
    const socket = new CarriedSocket(channel, c)
    sockets.set(c, socket)
    socket.once('close', () => sockets.delete(c))
    listeners.get(listener)?.({ socket, listener, address, encrypted, ...(certificate ? { certificate } : {}) })
  })
  handlers.set('connection.data', (value, [bytes]) => {
    if (bytes) socketOf(value)?.arrive(bytes)
  })
  handlers.set('connection.ended', (value) => void socketOf(value)?.push(null))
  handlers.set('connection.closed', (value) => void socketOf(value)?.destroy())
  handlers.set('datagram', (value, [bytes]) => {
    if (!Value.Check(Arrived, value) || !bytes) return
    const { listener, address, port } = value
    const from = ports.get(listener)
    if (from) datagramListeners.get(listener)?.(Buffer.from(bytes), { address, port }, from)
  })

  return {
    listen(options, onConnection) {
      listeners.set(options.name, onConnection)
      channel.call('listen', options).catch(crashed)
      return async () => {
        listeners.delete(options.name)
        await channel.call('unlisten', { name: options.name })
      }
    },
    listenUdp(options, onDatagram) {
      const { name } = options
      datagramListeners.set(name, onDatagram)
      ports.set(name, {
        listener: name,
        send(bytes: Uint8Array, { address, port }: DatagramPeer) {
          // As a network does.
          if (!channel.crowded) channel.cast('datagram.send', { listener: name, address, port }, [bytes])
        },
      })
      channel.call('listenUdp', options).catch(crashed)
    },
  }
}
