import type { PluginManifest } from '@patchbay/contracts/plugin'

/** What a plugin may do, as a person approves it. */
export interface Permissions {
  services: string[]
  connect: string[]
  listen: string[]
  files: string[]
  /** What it takes part in, such as `accessProviders`. */
  contributes: string[]
  /** Where it answers HTTP, and who checks the caller. */
  http: string[]
  isolation: string
}

export const permissionsOf = ({ needs, contributes, isolation }: PluginManifest): Permissions => {
  const { http = [], ...kinds } = contributes
  return {
    services: needs.services ?? [],
    connect: needs.connect ?? [],
    listen: needs.listen ?? [],
    files: needs.files ?? [],
    contributes: Object.entries(kinds)
      .filter(([, list]) => list.length > 0)
      .map(([kind]) => kind),
    http: http.map(({ prefix, auth, permission }) => [prefix, auth, permission].filter(Boolean).join(' ')),
    isolation: isolation.least,
  }
}

const lists = ['services', 'connect', 'listen', 'files', 'contributes', 'http'] as const
const levels = ['host', 'worker', 'process']

/** What the next version may do and the approved one may not, in words; empty = nothing to ask again. */
export function widerThan(next: Permissions, approved: Permissions | undefined): string[] {
  const wider = lists.flatMap((list) =>
    next[list].filter((each) => !approved?.[list].includes(each)).map((each) => `${list}: ${each}`),
  )
  // Less isolation is more power.
  if (approved && levels.indexOf(next.isolation) < levels.indexOf(approved.isolation))
    wider.push(`isolation: ${next.isolation}`)
  return wider
}
