import type { IncomingMessage } from 'node:http'
import { fastifyCookie } from '@fastify/cookie'
import { mayDo, type Caller } from '@patchbay/core/people/caller'
import type { FastifyRequest } from 'fastify'
import { callerOf, demand } from './caller.ts'
import { insiderOf } from './inside.ts'
import { RestDefect, RestError } from './errors.ts'
import { assertSameOrigin } from './origin.ts'
import { isForwarded, isLoopback, toPeer } from './peer.ts'
import type { RestApp, GeneralDeps } from './route-deps.ts'
import { readSession } from './session-cookie.ts'

/** Health is asked by machines that know nothing and tells nothing; everything else needs a permitted peer. */
const plainPaths = new Set(['/healthz', '/readyz'])
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

const bearerOf = (request: Pick<FastifyRequest, 'headers'>): string | undefined => {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  const match = /^Bearer +([^\s]{1,512})$/i.exec(header)
  if (!match?.[1]) throw new RestError('AUTH_REQUIRED', 'Authorization takes "Bearer <api key>".')
  return match[1]
}

/** Whatever the user name is: brokers put `http://patchbay:<api key>@…` into their configuration. */
const basicOf = (request: Pick<FastifyRequest, 'headers'>): string | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]{1,1024})$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}

const ended = (what: string): RestError => new RestError('AUTH_ENDED', `${what} is unknown or has ended. Log in again.`)

/** A wrong key is refused even on open routes: who sends one wants to be known by it. */
const identify = async (
  request: Pick<FastifyRequest, 'headers' | 'cookies' | 'peer'>,
  deps: GeneralDeps,
  how: { keyByBasic?: boolean } = {},
): Promise<Caller | undefined> => {
  const key = (how.keyByBasic ? basicOf(request) : undefined) ?? bearerOf(request)
  if (key !== undefined) {
    const found = await deps.people.apiKeys.find(key)
    if (found === undefined || found === 'ended') throw ended('The API key')
    return { kind: 'key', actor: `key:${found.id}`, ...found }
  }
  const token = readSession(request)
  return token === undefined ? undefined : deps.people.bySession(token)
}

const assertPermitted = (request: FastifyRequest): void => {
  const { permission, openOnLoopback } = request.routeOptions.config
  if (permission === 'open') return
  if (openOnLoopback && isLoopback(request.peer.address) && !isForwarded(request)) return
  if (!request.caller && request.headers.cookie !== undefined && readSession(request) !== undefined)
    throw ended('The session')
  const caller = callerOf(request)
  // A route without a declaration cannot be registered; should one be, it is nobody's.
  if (permission === undefined) throw new RestError('AUTH_FORBIDDEN', 'This path is closed.')
  if (permission !== 'self' && !mayDo(caller, permission)) demand(caller, permission)
}

/** Who has opened a connection that stays, and whether he still may. */
export interface Admitted {
  caller: Caller
  /** The caller with the rights of this moment; undefined once he is logged out or the key has ended. Looking keeps no session alive. */
  again(): Promise<Caller | undefined>
}

/** Identifies an upgrade that is REST's own. A browser sends the cookie from any page, so its Origin must be ours. Rejects with RestError. */
export const admitUpgrade = async (raw: IncomingMessage, deps: GeneralDeps): Promise<Admitted> => {
  const { headers } = raw
  const peer = toPeer({ headers, raw }, deps)
  if (!peer.encrypted && !deps.permitsPlain(peer.address))
    throw new RestError('PLAIN_FORBIDDEN', 'Use wss, or set PATCHBAY_PLAIN if this network is yours alone.')
  const request = { headers, raw, peer, cookies: fastifyCookie.parse(headers.cookie ?? '') }
  const caller = await identify(request, deps)
  if (!caller) {
    if (readSession(request) !== undefined) throw ended('The session')
    throw new RestError('AUTH_REQUIRED', 'Log in, or send an API key as "Authorization: Bearer <key>".')
  }
  if (caller.kind === 'key') {
    const { id, actor } = caller
    return {
      caller,
      async again() {
        const found = await deps.people.apiKeys.byId(id)
        return found && { kind: 'key', actor, ...found }
      },
    }
  }
  assertSameOrigin(request, deps)
  const token = readSession(request) ?? ''
  return { caller, again: () => deps.people.bySession(token, 'look') }
}

/** Plugins' own HTTP also takes an API key where other gateways' Admin APIs have it. */
const withKeyHeader = (headers: IncomingMessage['headers']): IncomingMessage['headers'] => {
  const key = headers['x-api-key']
  return typeof key === 'string' && headers.authorization === undefined
    ? { ...headers, authorization: `Bearer ${key}` }
    : headers
}

const found = new WeakMap<IncomingMessage, Caller>()

/** Who was found to call by a request that is not REST's own: undefined before it was asked, and for strangers. */
export const admittedCaller = (raw: IncomingMessage): Caller | undefined => found.get(raw)

/** Whether a request that is not REST's own (a plugin's path) comes from a person who is logged in, or with an API key, with this right. */
export const admitCaller = async (
  raw: IncomingMessage,
  deps: GeneralDeps,
  permission?: string,
): Promise<'admitted' | 'AUTH_REQUIRED' | 'AUTH_FORBIDDEN'> => {
  const insider = insiderOf(raw)
  if (insider) {
    found.set(raw, insider.caller)
    return permission === undefined || mayDo(insider.caller, permission) ? 'admitted' : 'AUTH_FORBIDDEN'
  }
  const { headers } = raw
  const peer = toPeer({ headers, raw }, deps)
  if (!peer.encrypted && !deps.permitsPlain(peer.address)) return 'AUTH_FORBIDDEN'
  const request = { headers: withKeyHeader(headers), raw, peer, cookies: fastifyCookie.parse(headers.cookie ?? '') }
  try {
    const caller = await identify(request, deps)
    if (caller) found.set(raw, caller)
    if (caller?.kind === 'user' && !safeMethods.has(raw.method ?? '')) assertSameOrigin(request, deps)
    if (caller === undefined) return 'AUTH_REQUIRED'
    return permission === undefined || mayDo(caller, permission) ? 'admitted' : 'AUTH_FORBIDDEN'
  } catch (error) {
    if (error instanceof RestError) return error.status === 403 ? 'AUTH_FORBIDDEN' : 'AUTH_REQUIRED'
    throw error
  }
}

/** Who calls, and may he? Runs before a byte of the body is read. */
export const authenticate = (app: RestApp, deps: GeneralDeps): void => {
  app.decorateRequest('caller', undefined)
  app.decorateRequest('peer')
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.permission === undefined)
      throw new RestDefect(`The route ${String(method)} ${url} declares no permission`)
  })
  app.addHook('onRequest', async (request) => {
    request.peer = toPeer(request, deps)
    const insider = insiderOf(request.raw)
    if (insider) {
      // Who asked was let in already, over the connection that he came by.
      request.caller = insider.caller
      if (!request.is404) assertPermitted(request)
      return
    }
    const { encrypted, address } = request.peer
    if (!encrypted && !deps.permitsPlain(address) && !plainPaths.has(request.routeOptions.url ?? ''))
      throw new RestError('PLAIN_FORBIDDEN', 'Use https, or set PATCHBAY_PLAIN if this network is yours alone.')
    if (request.is404) return
    request.caller = await identify(request, deps, request.routeOptions.config)
    if (!safeMethods.has(request.method) && request.caller?.kind !== 'key') assertSameOrigin(request, deps)
    assertPermitted(request)
  })
}
