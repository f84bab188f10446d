import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Connection, UpgradeRequest } from '@patchbay/sdk'
import { hostErrors, type HostErrorCode } from '../errors.ts'
import { createRequestId, toProblem } from './problem.ts'

export type UpgradeHandler = (request: UpgradeRequest, connection: Connection, head: Uint8Array) => void

export const toUpgradeRequest = (request: IncomingMessage): UpgradeRequest => ({
  url: request.url ?? '/',
  method: request.method ?? 'GET',
  headers: request.headers,
})

/** Refuses an upgrade in HTTP's words: nobody has answered the handshake yet. */
export function refuseUpgrade(socket: Duplex, code: HostErrorCode, retryAfterSeconds?: number): void {
  const problem = toProblem(code, createRequestId())
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${problem.status} ${hostErrors[code].title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(problem.status === 401 ? ['www-authenticate: Bearer realm="patchbay"'] : []),
    ...(retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`]),
    'connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
