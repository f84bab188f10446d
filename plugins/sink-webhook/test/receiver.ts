import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { type SinkTarget, type TargetPoint, toMicros, toPoints } from '@patchbay/testkit'

export interface Call {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** A service that takes readings by HTTP: all or nothing of a batch, and no device that is called `bad`. */
export interface Receiver extends SinkTarget {
  readonly url: string
  readonly calls: Call[]
  /** In place of its own answers. */
  answerWith(
    answer: ((call: Call) => { status: number; headers?: Record<string, string>; body?: string }) | undefined,
  ): void
}

export async function openReceiver(
  config: Record<string, unknown> = {},
  tls?: { cert: string; key: string },
): Promise<Receiver> {
  const calls: Call[] = []
  const rows: TargetPoint[] = []
  let own: Parameters<Receiver['answerWith']>[0]
  let server: Server
  let port = 0

  const take = (call: Call): { status: number; headers?: Record<string, string>; body?: string } => {
    const list: { device: string; at: string; values: Record<string, TargetPoint['value']> }[] =
      call.headers['content-type'] === 'application/json'
        ? JSON.parse(call.body)
        : call.body
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
    if (list.some(({ values }) => 'bad' in values)) return { status: 422, body: 'bad is not known here' }
    rows.push(...toPoints(list.map(({ device, at, values }) => ({ device, at: toMicros(at), values }))))
    return { status: 202 }
  }
  const start = async (): Promise<void> => {
    const hear: Parameters<typeof createServer>[1] = async (request, response) => {
      const parts: Buffer[] = []
      // A request that is cut off has no answer.
      request.on('error', () => undefined)
      for await (const part of request) parts.push(part)
      const bytes = Buffer.concat(parts)
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
      const call = { path: request.url ?? '', headers: request.headers, body }
      calls.push(call)
      const { status, headers = {}, body: words = '' } = (own ?? take)(call)
      response.writeHead(status, headers).end(words)
    }
    server = tls ? createTlsServer(tls, hear) : createServer(hear)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  await start()
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hooks/readings?of=all`
  return {
    url,
    calls,
    answerWith: (answer) => (own = answer),
    config: () => ({ url, ...config }),
    rows: async () => rows,
    async wipe() {
      rows.length = 0
      calls.length = 0
    },
    stop,
    start,
    async close() {
      if (server.listening) await stop()
    },
  }
}
