import { RestError } from './errors.ts'
import { type Asked, hostOf } from './peer.ts'
import type { ConnectionPeer, GeneralDeps } from './route-deps.ts'

const toOrigin = (url: string): string | undefined => {
  try {
    return new URL(url).origin
  } catch {
    // `null` (a sandboxed page) and nonsense are no origin of ours.
    return undefined
  }
}

/** Sent by our own pages? Browsers add these headers and no page can forge them; a caller without both is not a browser. */
export const isSameOrigin = (request: Asked & { peer: ConnectionPeer }, deps: GeneralDeps): boolean => {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = request.headers.origin
  if (origin === undefined) return true
  if (origin === 'null') return false
  const given = toOrigin(origin)
  if (given === undefined) return false
  if (deps.publicUrl !== undefined && given === toOrigin(deps.publicUrl)) return true
  const host = hostOf(request, deps)
  return host !== undefined && given === toOrigin(`${request.peer.encrypted ? 'https' : 'http'}://${host}`)
}

/** Cookies travel by themselves, so a write that leans on one (or sets one) must come from our own pages. */
export const assertSameOrigin = (request: Asked & { peer: ConnectionPeer }, deps: GeneralDeps): void => {
  if (!isSameOrigin(request, deps))
    throw new RestError(
      'ORIGIN_FORBIDDEN',
      'Another site sent this request. Use an API key, or set PATCHBAY_PUBLIC_URL.',
    )
}
