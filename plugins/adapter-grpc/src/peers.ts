import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Connection } from '@patchbay/sdk'
import { createSessionLease } from './session-lease.ts'

export interface GrpcPeer {
  readonly connection: Connection
  readonly lease: ReturnType<typeof createSessionLease>
  /** The time for its first call begins: not before the library is there to take it. */
  begin(): void
  /** A call has proved who the client is. */
  proved(): void
}

interface Ends {
  localAddress?: string | undefined
  localPort?: number | undefined
  remoteAddress?: string | undefined
  remotePort?: number | undefined
}

// The library does not say which socket a call came by; the two ends of a TCP connection name it.
const nameOf = ({ localAddress, localPort, remoteAddress, remotePort }: Ends): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`

/** The connections that are open, found by what the library tells of a call. */
export function createPeers(loginTimeoutMs: number, onSilent: (connection: Connection) => void) {
  const peers = new Map<string, GrpcPeer>()
  const sockets = new Set<Duplex>()
  let emptied = () => {}

  return {
    /** Undefined when it is no TCP connection, or gone already. */
    add(connection: Connection): GrpcPeer | undefined {
      const { socket } = connection
      if (!(socket instanceof Socket) || socket.destroyed) return undefined
      const name = nameOf(socket)
      const lease = createSessionLease()
      let timer: NodeJS.Timeout | undefined
      const peer: GrpcPeer = {
        connection,
        lease,
        begin() {
          timer = setTimeout(() => {
            onSilent(connection)
            socket.destroy()
          }, loginTimeoutMs)
        },
        proved: () => clearTimeout(timer),
      }
      peers.set(name, peer)
      sockets.add(socket)
      socket.once('close', () => {
        clearTimeout(timer)
        lease.close()
        sockets.delete(socket)
        if (peers.get(name) === peer) peers.delete(name)
        if (sockets.size === 0) emptied()
      })
      return peer
    },
    find: (ends: Ends): GrpcPeer | undefined => peers.get(nameOf(ends)),
    /** Resolves when no connection is left, or after so long. */
    async gone(limitMs: number): Promise<void> {
      if (sockets.size === 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs)
        emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
    destroy(): void {
      for (const socket of sockets) socket.destroy()
    },
  }
}
