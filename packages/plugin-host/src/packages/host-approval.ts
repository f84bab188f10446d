import { HostError } from '../errors.ts'
import { hostServicesOf } from '../service-names.ts'
import type { Release } from './record.ts'

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
export function atHost(
  id: string,
  { permissions, version }: Release,
  current: Release | undefined,
  said: Approval['isolation'],
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
