import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Problem } from '@patchbay/contracts/problem'
import type { RestError } from '../rest/errors.ts'

/** Refuses an upgrade in HTTP's words: the handshake is not answered yet. */
export function refuseUpgrade(socket: Duplex, { code, status, title, message }: RestError): void {
  const problem: Problem = {
    type: `/docs/reference/errors#${code}`,
    title,
    status,
    detail: message,
    code,
    requestId: randomBytes(12).toString('base64url'),
  }
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ['www-authenticate: Bearer realm="patchbay"'] : []),
    'connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
