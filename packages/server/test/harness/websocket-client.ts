import { WebSocket } from 'ws'

export type Frame = Record<string, unknown>

/** A client of /v1/ws. */
export interface WebSocketClient {
  socket: WebSocket
  send(frame: object): void
  /** Sends with an id of its own; the answer to it. */
  ask(frame: object): Promise<Frame>
  /** The first frame, of those that came or will come, that passes. */
  next(test: (frame: Frame) => boolean): Promise<Frame>
  closed: Promise<number>
  close(): Promise<void>
}

export interface WebSocketLogin {
  scheme?: 'ws' | 'wss'
  auth?: string
  headers?: Record<string, string>
  ca?: Buffer
  /** A client certificate. */
  cert?: string
  key?: string
}

/** Rejects with `Unexpected server response: 401` and the like when the upgrade is refused. */
export const connectWebSocket = async (port: number, login: WebSocketLogin = {}): Promise<WebSocketClient> => {
  const { scheme = 'ws', ...options } = login
  const socket = new WebSocket(`${scheme}://localhost:${port}/v1/ws`, options)
  const heard: Frame[] = []
  const lookers = new Set<() => void>()
  const look = (): void => lookers.forEach((each) => each())
  socket.on('message', (data: Buffer) => {
    heard.push(JSON.parse(data.toString()))
    look()
  })
  const closed = new Promise<number>((resolve) =>
    socket.once('close', (code) => {
      look()
      resolve(code)
    }),
  )
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  socket.on('error', () => undefined) // `closed` tells
  let ids = 0
  const next = (test: (frame: Frame) => boolean): Promise<Frame> =>
    new Promise((resolve, reject) => {
      const mine = (): void => {
        const found = heard.find(test)
        if (!found && socket.readyState !== WebSocket.CLOSED) return
        lookers.delete(mine)
        if (found) resolve(found)
        else reject(new Error(`closed; heard ${JSON.stringify(heard)}`))
      }
      lookers.add(mine)
      mine()
    })
  return {
    socket,
    next,
    closed,
    send: (frame) => socket.send(JSON.stringify(frame)),
    ask(frame) {
      const id = ids++
      socket.send(JSON.stringify({ id, ...frame }))
      return next((each) => each['ack'] === id || each['error'] === id)
    },
    async close() {
      socket.close()
      await closed
    },
  }
}
