import type { Socket } from 'node:net'
import { carry } from './carry.ts'
import { lingerMs } from './limits.ts'
import type { ReadBuffers } from './read-buffers.ts'
import type { Session } from './session.ts'

export interface SpliceOptions {
  session: Session
  buffers: ReadBuffers
  now(): number
}

/**
 * Carries bytes both ways, as they are, until both sides have ended. A side that does not take its bytes stops the other from being
 * read, so that no more than one read and one full buffer wait in memory in each direction.
 */
export function splice(client: Socket, server: Socket, { session, buffers, now }: SpliceOptions): void {
  client.allowHalfOpen = true
  server.allowHalfOpen = true
  const onStall = (): void => void (session.stalledSince ||= now())

  // What was looked at to find the way here.
  const head: unknown = client.read()
  const hasRoom = !Buffer.isBuffer(head) || server.write(head)
  if (Buffer.isBuffer(head)) session.bytesUp += head.length
  if (!hasRoom) onStall()
  carry({ from: client, to: server, buffers, onStall, onBytes: (length) => void (session.bytesUp += length) })
  carry({ from: server, to: client, buffers, onStall, onBytes: (length) => void (session.bytesDown += length) })
  server.on('drain', () => {
    session.stalledSince = 0
    client.resume()
  })
  client.on('drain', () => {
    session.stalledSince = 0
    server.resume()
  })
  const ended = (other: Socket) => (): void => {
    session.stalledSince ||= now()
    other.end()
  }
  client.on('end', ended(server))
  server.on('end', ended(client))
  // Whatever the end was, what is on its way to the other side still gets there.
  client.on('close', () => finish(server))
  server.on('close', () => finish(client))
  if (hasRoom) client.resume()
  server.resume()
}

/** Lets a side have what is on its way to it, for a while: one that does not read would keep it for ever. */
function finish(socket: Socket): void {
  if (socket.destroyed) return
  socket.destroySoon()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
