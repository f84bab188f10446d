import type { Socket } from 'node:net'
import { lingerMs } from './limits.ts'
import type { Session } from './session.ts'

/**
 * Carries bytes both ways, as they are, until both sides have ended. A side that does not take its bytes stops the other from being
 * read, so that no more than one read and one full buffer wait in memory in each direction.
 */
export function splice(client: Socket, server: Socket, session: Session, now: () => number): void {
  client.allowHalfOpen = true
  server.allowHalfOpen = true

  client.on('data', (chunk: Buffer) => {
    session.bytesUp += chunk.length
    if (server.write(chunk)) return
    client.pause()
    session.stalledSince ||= now()
  })
  server.on('data', (chunk: Buffer) => {
    session.bytesDown += chunk.length
    if (client.write(chunk)) return
    server.pause()
    session.stalledSince ||= now()
  })
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
  client.resume()
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
