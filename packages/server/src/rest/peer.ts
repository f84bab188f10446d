import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { insiderOf } from './inside.ts'
import type { ConnectionPeer, GeneralDeps } from './route-deps.ts'

/** A header with more hops than this is not followed. */
const maxHops = 32

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** `::ffff:10.0.0.1` is 10.0.0.1: addresses are compared in one form. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

export const isLoopback = (address: string): boolean => {
  const plain = plainAddress(address)
  const family = isIP(plain)
  return family !== 0 && loopback.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** What is asked of a request here; node's own requests can be read the same way. */
export type Asked = Pick<FastifyRequest, 'headers' | 'raw'>

const header = (request: Asked, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

/** Some proxy stands between, whether it is believed or not: then "on this machine" may be said of the proxy only. */
export const isForwarded = (request: Asked): boolean =>
  ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some((name) => request.headers[name] !== undefined)

/** Who really calls: X-Forwarded-* is read from the right, as far as the hops are trusted proxies. */
export const toPeer = (request: Asked, deps: GeneralDeps): ConnectionPeer => {
  const insider = insiderOf(request.raw)
  if (insider) return insider.peer
  const direct = deps.peerOf(request.raw)
  const address = plainAddress(direct.address)
  if (!deps.trustedProxies(address)) return { address, encrypted: direct.encrypted }
  const hops = (header(request, 'x-forwarded-for') ?? '').split(',', maxHops).map((hop) => plainAddress(hop.trim()))
  const client = hops.findLast((hop) => isIP(hop) !== 0 && !deps.trustedProxies(hop))
  const protocol = header(request, 'x-forwarded-proto')?.split(',').at(-1)?.trim()
  return {
    address: client ?? address,
    encrypted: protocol === undefined ? direct.encrypted : protocol === 'https',
  }
}

/** The host that the browser asked for. */
export const hostOf = (request: Asked, deps: GeneralDeps): string | undefined => {
  const trusted = deps.trustedProxies(plainAddress(deps.peerOf(request.raw).address))
  const forwarded = trusted ? header(request, 'x-forwarded-host')?.split(',').at(-1)?.trim() : undefined
  return (forwarded ?? request.headers.host)?.toLowerCase()
}
