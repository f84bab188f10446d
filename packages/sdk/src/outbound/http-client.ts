import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as plainRequest,
} from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { PrivateTargets } from './address-range.ts'
import { TargetForbidden, toNetworkText, Unreachable } from './failures.ts'
import { createTargetGuard, type Resolve } from './guarded-lookup.ts'
import { toTargetUrl } from './http-post.ts'

export { TargetForbidden, Unreachable } from './failures.ts'

/** What is read of an answer unless a request says more; the rest is not waited for. */
export const maxAnswerBytes = 64 * 1024
const maxSockets = 4

/** Which target it is, and what may be reached. */
export interface HttpClientOptions {
  /** Every path is under it. */
  url: string
  /** Private ranges that may be called: `all` for stores that a person with the right has named. */
  privateTargets: PrivateTargets
  /** Certificates of authorities to believe besides the well-known ones, PEM. */
  ca?: string
  /** Connections are used again; true when left out. */
  keepAlive?: boolean
  /** In place of the system's look-up, for tests. */
  resolve?: Resolve
}

/** One request below the address of the target. */
export interface HttpRequest {
  method?: 'GET' | 'POST' | 'DELETE'
  /** Below the address, with its query: `/write?db=iot`. */
  path: string
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  signal: AbortSignal
  /** In place of `maxAnswerBytes`. */
  readBytes?: number
}

/** An answer of any status; `body` is cut at what was asked to be read. */
export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** A path with its query. */
export const toPath = (path: string, query: Readonly<Record<string, string>>): string =>
  `${path}?${new URLSearchParams(query).toString()}`

/** HTTP to one target, over connections that are kept. */
export interface HttpClient {
  /** Any status is an answer; rejects with TargetForbidden or Unreachable. */
  send(request: HttpRequest): Promise<HttpAnswer>
  close(): void
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** A kept connection that the other side had ended before it saw the request, which can so be sent again at once. */
const isStale = (request: ClientRequest, error: unknown): boolean =>
  request.reusedSocket && (codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE')

async function read(response: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response) {
    const chunk = Buffer.from(part)
    parts.push(chunk)
    bytes += chunk.length
    if (bytes >= most) break
  }
  return Buffer.concat(parts).subarray(0, most).toString('utf8')
}

/**
 * Calls an address that a configuration named, again and again. Closed ranges are refused before a byte is sent: each connection looks the name up
 * once and goes to an address that was checked. Redirects are not followed.
 */
export function createHttpClient({
  url,
  privateTargets,
  ca,
  keepAlive = true,
  resolve,
}: HttpClientOptions): HttpClient {
  const base = toTargetUrl(url)
  const guard = createTargetGuard(privateTargets, resolve)
  guard.assertHost(base.hostname)
  const isTls = base.protocol === 'https:'
  const agent = new (isTls ? TlsAgent : Agent)({ keepAlive, maxSockets })
  const prefix = base.pathname.replace(/\/+$/, '')

  async function once(given: HttpRequest): Promise<HttpAnswer> {
    const { method = 'POST', path, headers, body = '', signal, readBytes } = given
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const target = new URL(base)
    const [pathname = '', query] = path.split('?')
    target.pathname = prefix + pathname
    target.search = query ?? ''
    const request = (isTls ? tlsRequest : plainRequest)(target, {
      method,
      agent,
      lookup: guard.lookup,
      signal,
      ...(ca === undefined ? {} : { ca }),
      headers: { 'user-agent': 'patchbay', ...headers, 'content-length': String(bytes.byteLength) },
    })
    try {
      const head = new Promise<IncomingMessage>((done, failed) => {
        request.once('response', done)
        request.once('error', failed)
      })
      request.end(bytes)
      const response = await head
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: await read(response, readBytes ?? maxAnswerBytes),
      }
    } catch (error) {
      // A listener stays: an error that comes later has nobody else.
      request.on('error', () => undefined)
      request.destroy()
      if (isStale(request, error)) return once(given)
      throw error
    }
  }

  return {
    async send(request) {
      try {
        return await once(request)
      } catch (error) {
        if (error instanceof TargetForbidden) throw error
        if (request.signal.aborted) throw new Unreachable('The call was given up.', { cause: error })
        throw new Unreachable(toNetworkText(error), { cause: error })
      }
    },
    close: () => agent.destroy(),
  }
}
