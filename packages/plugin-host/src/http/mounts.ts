import type { HttpMount, PluginManifest } from '@patchbay/contracts/plugin'

/** Where an instance's HTTP lives: what the manifest claims, else an address of its own behind the session. */
export function mountsOf(
  manifest: Pick<PluginManifest, 'id' | 'instances' | 'contributes'>,
  instance: string,
): HttpMount[] {
  const claimed = manifest.contributes.http ?? []
  if (claimed.length > 0) return claimed.map((mount) => ({ ...mount, prefix: withoutSlash(mount.prefix) }))
  const own = `/x/${manifest.id}`
  return [{ prefix: manifest.instances === 'one' ? own : `${own}/${instance}`, auth: 'session' }]
}

export const withoutSlash = (prefix: string): string => prefix.replace(/\/+$/, '')

/** `prefix` is `path`, or a whole segment of it ends where the prefix ends. */
export const isUnder = (path: string, prefix: string): boolean =>
  path === prefix || (path.startsWith(prefix) && path.charCodeAt(prefix.length) === 47)

/** The longest mount that a path lies under. */
export const mountOf = <T extends { prefix: string }>(mounts: readonly T[], path: string): T | undefined =>
  mounts.reduce<T | undefined>(
    (best, mount) =>
      isUnder(path, mount.prefix) && (best === undefined || mount.prefix.length > best.prefix.length) ? mount : best,
    undefined,
  )

/**
 * The path of a request's target as the child's router will read it: without query and fragment, with its letters decoded
 * (`%61dmin` is `admin`), so that no spelling of a path comes under another prefix here than there.
 */
export function toPath(target: string): string {
  const path = (target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?#]*/i, '')).split(/[?#]/, 1)[0] ?? ''
  try {
    return decodeURI(path)
  } catch {
    // Not well formed: no route can match it, and the child answers so.
    return path
  }
}
