import { createHash } from 'node:crypto'
import semver from 'semver'
import { HostError, isHostError, toText } from '../errors.ts'
import { isRecord } from '../config/plain.ts'
import { archiveLimits } from './archive-limits.ts'

/** The list of a package's versions may be this large. */
export const maxPackumentBytes = 8 * 1024 * 1024
export const registryTimeoutMs = 15_000
const namePattern = /^(@[a-z0-9][a-z0-9._-]{0,99}\/)?[a-z0-9][a-z0-9._-]{0,99}$/

const failed = (name: string, why: string, cause?: unknown): HostError =>
  new HostError('PACKAGE_REGISTRY_FAILED', `${name} could not be taken from the registry: ${why}.`, { cause })

const read = async (url: URL, name: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> => {
  // A redirect could lead anywhere, also into the own network.
  const response = await fetch(url, {
    redirect: 'error',
    signal,
    headers: { accept: 'application/vnd.npm.install-v1+json, application/octet-stream;q=0.9, */*;q=0.1' },
  })
  if (!response.ok || response.body === null) throw failed(name, `${url.origin} answered ${response.status}`)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body) {
    bytes += part.length
    if (bytes > maxBytes) throw failed(name, `${url.pathname} has more than ${maxBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const child = (value: unknown, key: string): unknown =>
  isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined

/**
 * Takes a package from an npm registry over its plain HTTP: the list of versions, then the archive of one, whose SHA-512 the list names.
 * The archive must come from the registry itself.
 */
export async function fetchFromRegistry(registry: string | undefined, name: string, version?: string): Promise<Buffer> {
  if (registry === undefined)
    throw failed(name, 'PATCHBAY_PLUGIN_REGISTRY names no registry; set it, or upload the packed file')
  if (!namePattern.test(name)) throw failed(JSON.stringify(name.slice(0, 100)), 'this is no name of a package')
  if (version !== undefined && semver.valid(version) !== version)
    throw failed(name, `${JSON.stringify(version.slice(0, 100))} is no exact version`)
  const signal = AbortSignal.timeout(registryTimeoutMs)
  const base = new URL(registry.endsWith('/') ? registry : `${registry}/`)
  try {
    const list: unknown = JSON.parse(
      (await read(new URL(name.replace('/', '%2f'), base), name, maxPackumentBytes, signal)).toString('utf8'),
    )
    const wanted = version ?? child(child(list, 'dist-tags'), 'latest')
    if (typeof wanted !== 'string') throw failed(name, 'it names no latest version; give one')
    const dist = child(child(child(list, 'versions'), wanted), 'dist')
    const tarball = child(dist, 'tarball')
    const integrity = child(dist, 'integrity')
    if (typeof tarball !== 'string') throw failed(name, `it has no version ${wanted}`)
    const sums =
      typeof integrity === 'string' ? integrity.split(/\s+/).filter((each) => each.startsWith('sha512-')) : []
    if (sums.length === 0) throw failed(name, `no SHA-512 is given for ${wanted}`)
    const url = URL.parse(tarball, base.href)
    if (url?.origin !== base.origin) throw failed(name, `its archive lies elsewhere (${url?.origin ?? 'no address'})`)
    const archive = await read(url, name, archiveLimits.packedBytes, signal)
    const sum = `sha512-${createHash('sha512').update(archive).digest('base64')}`
    if (!sums.includes(sum)) throw failed(name, `the archive of ${wanted} is not the one that its SHA-512 stands for`)
    return archive
  } catch (error) {
    if (isHostError(error)) throw error
    throw failed(name, toText(error), error)
  }
}
