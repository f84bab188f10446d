import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { BadConfig } from '../failures.ts'
import type { PrivateTargets } from './address-range.ts'
import { TargetForbidden, toNetworkText, Unreachable } from './failures.ts'
import { createTargetGuard, type Resolve } from './guarded-lookup.ts'

export type { PrivateTargets } from './address-range.ts'
export { TargetForbidden, Unreachable } from './failures.ts'

/** What one call may take in milliseconds, from the look-up of the name to the last byte of the answer. */
export const outboundTimeoutMs = 8_000
/** The largest body that is sent. */
export const maxSentBytes = 1024 * 1024
/** What is read of an answer; the rest is not waited for. */
export const maxReadBytes = 16 * 1024

/** One call over HTTP. */
export interface OutboundRequest {
  url: string
  method?: 'POST' | 'PUT' | 'GET'
  headers?: Readonly<Record<string, string>>
  body: string
  /** Private ranges that may be called; `ctx.privateTargets`. */
  privateTargets: PrivateTargets
  /** Gives the call up. */
  signal: AbortSignal
  /** In place of `outboundTimeoutMs`. */
  timeoutMs?: number
  /** In place of `maxReadBytes`. */
  readBytes?: number
  /** Certificates of authorities to believe besides the well-known ones, PEM. */
  ca?: string
  /** In place of the system's look-up, for tests. */
  resolve?: Resolve
}

/** What came back, whatever its status. */
export interface OutboundAnswer {
  status: number
  headers: IncomingHttpHeaders
  /** The first `maxReadBytes` or `readBytes` of it. */
  body: string
}

/** Reads an address that may be called at all; throws TargetForbidden. */
export function toTargetUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new TargetForbidden('The address is not one of http or https.')
  if (url.username !== '' || url.password !== '')
    throw new TargetForbidden('The address holds a user or a password. Send them as a header.')
  return url
}

const readBody = async (response: IncomingMessage, most: number): Promise<string> => {
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

/** The first of: the answer's head, an error. */
const headOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })

/**
 * One POST to an address that a person or a configuration named. Closed ranges are refused before a byte is sent: the name is looked up once,
 * every address is checked, and the connection goes to one of those. Redirects are not followed: a 3xx is the answer. Any status is an
 * answer; rejects with TargetForbidden or Unreachable.
 */
export async function post(options: OutboundRequest): Promise<OutboundAnswer> {
  const url = toTargetUrl(options.url)
  const guard = createTargetGuard(options.privateTargets, options.resolve)
  guard.assertHost(url.hostname)
  const bytes = Buffer.from(options.body)
  if (bytes.length > maxSentBytes)
    throw new TargetForbidden(`The message has ${bytes.length} bytes; ${maxSentBytes} is the limit.`)
  const timeoutMs = options.timeoutMs ?? outboundTimeoutMs
  const timeout = AbortSignal.timeout(timeoutMs)
  const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
    method: options.method ?? 'POST',
    // Neither kept nor shared: a connection belongs to the one call whose address was checked.
    agent: false,
    lookup: guard.lookup,
    signal: AbortSignal.any([options.signal, timeout]),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    headers: {
      'user-agent': 'patchbay',
      accept: '*/*',
      ...options.headers,
      'content-length': String(bytes.length),
    },
  })
  try {
    const head = headOf(request)
    request.end(bytes)
    const response = await head
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await readBody(response, options.readBytes ?? maxReadBytes),
    }
  } catch (error) {
    if (error instanceof TargetForbidden) throw error
    if (options.signal.aborted)
      throw new Unreachable('The call was given up, since the instance stops.', { cause: error })
    if (timeout.aborted) throw new Unreachable(`No answer within ${timeoutMs} ms.`, { cause: error })
    throw new Unreachable(toNetworkText(error), { cause: error })
  } finally {
    // A listener stays: an error that comes after the answer has nobody else.
    request.on('error', () => undefined)
    request.destroy()
  }
}

/** The same as a GET. */
export const get = (options: Omit<OutboundRequest, 'method' | 'body'>): Promise<OutboundAnswer> =>
  post({ ...options, method: 'GET', body: '' })

/** Throws BadConfig for an address of a configuration that may not be called; what a name leads to is checked at each call. */
export function assertOpenTarget(path: string, url: string, privateTargets: PrivateTargets): void {
  asBadConfig(path, () => createTargetGuard(privateTargets).assertHost(toTargetUrl(url).hostname))
}

/** The same for a host name or IP address alone, of clients that bring a protocol of their own. */
export function assertOpenHost(path: string, host: string, privateTargets: PrivateTargets): void {
  asBadConfig(path, () => createTargetGuard(privateTargets).assertHost(host))
}

function asBadConfig(path: string, check: () => void): void {
  try {
    check()
  } catch (cause) {
    throw cause instanceof TargetForbidden ? new BadConfig(path, cause.message, { cause }) : cause
  }
}
