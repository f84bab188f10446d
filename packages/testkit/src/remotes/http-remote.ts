import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { portOf } from './port-of.ts'
import type { Remote, RemoteMood } from './remote.ts'

export interface HttpCall {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** What it asks for when it is busy. */
export const busySeconds = 7

export interface HttpRemote extends Remote {
  readonly url: string
  readonly received: readonly HttpCall[]
  /** In place of a mood: answers by itself. */
  answerWith(answer: ((call: HttpCall, response: ServerResponse) => void) | undefined): void
}

export interface HttpRemoteOptions {
  tls?: { cert: string; key: string }
  /** Bodies of its answers, where the protocol wants a form. */
  bodies?: Partial<Record<'accept' | 'refuse' | 'busy' | 'fail', string>>
  refusedStatus?: number
}

const longText = 'x'.repeat(5000)

/** An HTTP server that takes notifications as it is told to. */
export async function createHttpRemote(options: HttpRemoteOptions = {}): Promise<HttpRemote> {
  const words = { accept: 'thank you', refuse: 'nobody lives here', busy: 'one at a time', fail: 'the gears are stuck' }
  const bodies = { ...words, ...options.bodies }
  const received: HttpCall[] = []
  let mood: RemoteMood = 'accept'
  let answer: ((call: HttpCall, response: ServerResponse) => void) | undefined

  const settle = (call: HttpCall, response: ServerResponse): void => {
    const end = (status: number, body: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(body)
    }
    switch (mood) {
      case 'accept':
        return end(200, bodies.accept)
      case 'refuse':
        return end(options.refusedStatus ?? 404, bodies.refuse)
      case 'busy':
        return end(429, bodies.busy, { 'retry-after': String(busySeconds) })
      case 'fail':
        return end(500, bodies.fail)
      case 'cut':
        return void response.socket?.destroy()
      case 'echo':
        return end(500, `${call.path} ${JSON.stringify(call.headers)} ${call.body} ${longText}`)
      case 'hang':
        return
    }
  }
  const hear: Parameters<typeof createServer>[1] = (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const call = { method, path, headers, body: Buffer.concat(parts).toString() }
      received.push(call)
      if (answer) answer(call, response)
      else settle(call, response)
    })
  }
  const server = options.tls ? createTlsServer(options.tls, hear) : createServer(hear)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = portOf(server)

  return {
    port,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    words,
    received,
    get calls() {
      return received.length
    },
    behave(next) {
      mood = next
      answer = undefined
    },
    answerWith: (next) => void (answer = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
