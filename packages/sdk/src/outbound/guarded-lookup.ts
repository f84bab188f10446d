import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { type PrivateTargets, toTargetCheck } from './address-range.ts'
import { TargetForbidden } from './failures.ts'

/** Looks up all addresses of a name. */
export type Resolve = (
  name: string,
  options: { all: true; family?: 0 | 4 | 6 },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** Says which addresses may be called. */
export interface TargetGuard {
  /** Throws TargetForbidden when the host is an IP address that may not be called. */
  assertHost(host: string): void
  /**
   * For `net.connect` and `http.request`: looks a name up once, checks every address and hands on exactly what was checked, so that a name
   * that answers otherwise the next time (DNS rebinding) changes nothing. One forbidden address among them refuses the name.
   */
  readonly lookup: LookupFunction
}

const rule =
  'private and loopback addresses are closed unless PATCHBAY_ALLOW_PRIVATE_TARGETS names them; link-local and metadata addresses are always closed.'

const forbidden = (host: string, address: string): TargetForbidden =>
  new TargetForbidden(
    host === address
      ? `The address ${address} is not allowed: ${rule}`
      : `The address of ${host} is not allowed (${address}): ${rule}`,
  )

const familyOf = (options: LookupOptions): 0 | 4 | 6 =>
  options.family === 4 || options.family === 'IPv4' ? 4 : options.family === 6 || options.family === 'IPv6' ? 6 : 0

/** A guard for the private and loopback addresses that `allowed` opens; all others of them stay closed. `resolve` is the system's lookup. */
export function createTargetGuard(allowed: PrivateTargets, resolve: Resolve = systemLookup): TargetGuard {
  const permits = toTargetCheck(allowed)
  return {
    assertHost(host) {
      const address = host.replace(/^\[|\]$/g, '')
      if (isIP(address) !== 0 && !permits(address)) throw forbidden(address, address)
    },
    lookup(name, options, done) {
      resolve(name, { all: true, family: familyOf(options) }, (error, addresses) => {
        if (error) return done(error, '')
        const closed = addresses.find(({ address }) => !permits(address))
        if (closed) return done(forbidden(name, closed.address), '')
        const [first] = addresses
        if (!first) return done(Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' }), '')
        if (options.all) done(null, addresses)
        else done(null, first.address, first.family)
      })
    },
  }
}
