import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { normaliseAddress } from '../settings/addresses.ts'

const isHostName = (name: string) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name)
const everyAddress = new Set(['0.0.0.0', '::'])

/** The names that the self-made certificate is good for: this machine's own, what it binds, and what links call it. */
export function serverNames(from: {
  host: string
  publicUrl?: string
  machine?: string
  /** PATCHBAY_TLS_NAMES. */
  more?: readonly string[]
}): readonly string[] {
  const wanted = ['localhost', '127.0.0.1', '::1', from.machine ?? hostname(), from.host, ...(from.more ?? [])]
  const url = from.publicUrl === undefined ? null : URL.parse(from.publicUrl)
  if (url) wanted.push(url.hostname.replace(/^\[|\]$/g, ''))
  const names = wanted
    .map((name) => (isIP(name) ? normaliseAddress(name) : name.toLowerCase()))
    .filter((name) => !everyAddress.has(name) && (isIP(name) !== 0 || isHostName(name)))
  return [...new Set(names)]
}
