import type { Session } from '@patchbay/sdk'

type Principal = Session['principal']

/** Anonymous clients of the open topics, and messages that came by other protocols, have names of their own too. */
export type NameSpace = Principal['kind'] | 'open' | 'relay'

/**
 * Inside the broker a client is called by who it is and then by its client id, so that two devices with one client id never take
 * each other's session over. Ids are escaped: no slash in them can move the border.
 */
export const toClientName = (space: NameSpace, id: string, clientId: string) =>
  `${space}/${encodeURIComponent(id)}/${clientId}`

export interface NameParts {
  space: string
  id: string
  clientId: string
}

/** The parts of a name made by `toClientName`; undefined for any other text. */
export function fromClientName(name: string): NameParts | undefined {
  const first = name.indexOf('/')
  const second = name.indexOf('/', first + 1)
  if (first < 0 || second < 0) return undefined
  return {
    space: name.slice(0, first),
    id: decodeURIComponent(name.slice(first + 1, second)),
    clientId: name.slice(second + 1),
  }
}

/** Whom a session or a retained value counts for: `device/boiler-1`. Messages of other protocols count for their device. */
export function ownerOf(name: string): string {
  const second = name.indexOf('/', name.indexOf('/') + 1)
  const owner = second < 0 ? name : name.slice(0, second)
  return owner.startsWith('relay/') ? `device/${owner.slice(6)}` : owner
}

/** Who may be asked to publish a will. */
export function principalOf(name: string): Principal | undefined {
  const parts = fromClientName(name)
  if (parts?.space === 'device' || parts?.space === 'application') return { kind: parts.space, id: parts.id }
  return undefined
}
