import { HostError } from '../errors.ts'
import { hostServicesOf } from '../service-names.ts'
import type { PackageRecord, Release } from './record.ts'

export interface Approval {
  version: string
  /** The content that the person looked at; left out = whatever waits under this version. */
  sha512?: string
  /**
   * `host`: in the platform's own thread, with all that the platform may do; said each time that it is new. `worker`: not even if it was so
   * before. Left out = as the version before, else in a worker.
   */
  isolation?: 'host' | 'worker'
  by?: string
}

/**
 * Whether a release is approved to run in the platform's own thread. Its author asks for that in the manifest and an admin says so in the
 * approval; either alone is not enough. What the version before had, the next one keeps, since it asks for nothing more.
 */
function atHost(
  id: string,
  { permissions, version }: Release,
  current: Release | undefined,
  said: Approval['isolation'] | undefined,
): boolean {
  const asks = permissions.isolation === 'host'
  if (said === 'host' && !asks)
    throw new HostError(
      'PACKAGE_HOST_NOT_ASKED',
      `${id} ${version} asks for ${permissions.isolation} level in plugin.json, so it cannot be approved at host level.`,
    )
  const approved = asks && (said ?? (current?.host === true ? 'host' : 'worker')) === 'host'
  const services = hostServicesOf(permissions)
  if (services.length > 0 && !approved)
    throw new HostError(
      'PACKAGE_NEEDS_HOST',
      `${id} ${version} needs ${services.join(', ')}, which cannot cross into a worker. At host level its code may do all that Patchbay may: approve it with "isolation": "host" if you trust it so far.`,
    )
  return approved
}

/** The release that an approval is of: the one that waits, or the one that runs where only another level is given to it. */
export function releaseMeant(
  { id, staged, current }: PackageRecord,
  { version, sha512, isolation }: { [K in 'sha512' | 'isolation']: Approval[K] | undefined } & { version: string },
): Release {
  const found = [staged, isolation === undefined ? undefined : current].find(
    (release) => release?.version === version && (sha512 === undefined || sha512 === release.sha512),
  )
  if (found) return found
  throw new HostError(
    'PACKAGE_NOT_STAGED',
    `${id} ${version}${sha512 === undefined ? '' : ' with this content'} does not wait for approval${staged ? `; ${staged.version} does` : ''}. Upload it first.`,
  )
}

/** The release with the approval written into it. */
export function toApproved(
  id: string,
  release: Release,
  current: Release | undefined,
  { isolation, by, at }: { isolation: Approval['isolation'] | undefined; by: string | undefined; at: string },
): Release {
  const host = atHost(id, release, current, isolation)
  const { host: _before, ...rest } = release
  return {
    ...rest,
    approvedAt: at,
    ...(by === undefined ? {} : { approvedBy: by }),
    ...(host ? { host: true as const } : {}),
  }
}
