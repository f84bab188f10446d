import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { StartedPlugin } from '@patchbay/testkit'
import { WebSocket } from 'ws'

export const manifest = new URL('../plugin.json', import.meta.url)

export interface Opened {
  socket: WebSocket
  /** Every frame that came, parsed. */
  heard: Record<string, unknown>[]
  closed: Promise<{ code: number; reason: string }>
  send(frame: unknown): void
  /** Sends with an id of its own and waits for the answer to it. */
  ask(frame: object): Promise<Record<string, unknown>>
  next(test: (frame: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  close(): Promise<void>
}

/** A real HTTP server on a free port of loopback that gives its upgrades to the plugin; it goes with the connection. */
export async function connectClient(
  host: StartedPlugin,
  options: { auth?: string; headers?: Record<string, string>; path?: string },
): Promise<Opened> {
  const server = createServer()
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    server.close()
    if (!host.dispatcher.upgrade(request, socket, head)) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('No port was given.')
  const { auth, headers, path = '/v1/ws' } = options
  const socket = new WebSocket(`ws://127.0.0.1:${address.port}${path}`, {
    ...(auth === undefined ? {} : { auth }),
    ...(headers ? { headers } : {}),
  })
  const heard: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const each of waiting) each()
  }
  socket.on('message', (data: Buffer) => {
    heard.push(JSON.parse(data.toString()) as Record<string, unknown>)
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => {
      wake()
      resolve({ code, reason: reason.toString() })
    }),
  )
  let ids = 0
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  const send = (frame: unknown): void => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  const next: Opened['next'] = (test) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = heard.find(test)
        if (!found && socket.readyState !== WebSocket.CLOSED) return
        waiting.delete(look)
        if (found) resolve(found)
        else reject(new Error('closed before the frame came'))
      }
      waiting.add(look)
      look()
    })
  return {
    socket,
    heard,
    closed,
    send,
    next,
    ask(frame) {
      const id = `q${ids++}`
      send({ id, ...frame })
      return next((each) => each['ack'] === id || each['error'] === id)
    },
    async close() {
      socket.close()
      await closed
    },
  }
}
