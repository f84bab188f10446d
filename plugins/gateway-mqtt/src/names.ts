import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

/** So long an answer is used; then the name is asked for again, with the next connection. */
const keptMs = 10_000
const maxNames = 1_000

interface Known {
  untilMs: number
  addresses: Promise<LookupAddress[]>
}

export interface NamesOptions {
  nowMs(): number
  resolve(name: string): Promise<LookupAddress[]>
}

const resolveBySystem = (name: string): Promise<LookupAddress[]> =>
  new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)))
  })

export interface Names {
  readonly lookup: LookupFunction
}

/** Looks names up for the nodes' connections: once for many at a time, and again after a while. Forbidden addresses are left out. */
export function createNames(
  isAllowed: (address: string) => boolean,
  { nowMs = () => performance.now(), resolve = resolveBySystem }: Partial<NamesOptions> = {},
): Names {
  const known = new Map<string, Known>()
  const ask = async (name: string): Promise<LookupAddress[]> => {
    const allowed = (await resolve(name)).filter(({ address }) => isAllowed(address))
    if (allowed.length === 0) throw new Error(`${name} has no address that may be called`)
    return allowed
  }
  const find = (name: string): Promise<LookupAddress[]> => {
    const found = known.get(name)
    if (found && found.untilMs > nowMs()) return found.addresses
    if (known.size >= maxNames) known.clear()
    const addresses = ask(name)
    known.set(name, { untilMs: nowMs() + keptMs, addresses })
    // A failure is not kept: the next connection asks again.
    addresses.catch(() => known.delete(name))
    return addresses
  }
  return {
    lookup(name, options, callback) {
      const { all = false } = options
      if (isIP(name) !== 0 && !isAllowed(name))
        return callback(new Error(`${name} is no address that may be called`), '', 0)
      find(name).then(
        (addresses) => {
          const [first] = addresses
          if (all) callback(null, addresses)
          else callback(null, first?.address ?? '', first?.family ?? 0)
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), '', 0),
      )
    },
  }
}
