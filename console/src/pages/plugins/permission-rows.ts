import type { PluginManifest, PluginPermissions } from '@patchbay/contracts/plugin'

export const permissionKinds = ['services', 'contributes', 'connect', 'listen', 'files', 'http'] as const
export type PermissionKind = (typeof permissionKinds)[number] | 'isolation'
export interface PermissionRow {
  kind: PermissionKind
  values: { value: string; wider: boolean }[]
}

const levels = ['host', 'worker', 'process']

/** What a package may do, kind by kind; with what was approved before, what goes beyond it is marked. */
export const toPermissionRows = (next: PluginPermissions, approved?: PluginPermissions): PermissionRow[] => {
  const rows: PermissionRow[] = permissionKinds.map((kind) => ({
    kind,
    values: next[kind].map((value) => ({ value, wider: approved !== undefined && !approved[kind].includes(value) })),
  }))
  // Less isolation is more power.
  const wider = approved !== undefined && levels.indexOf(next.isolation) < levels.indexOf(approved.isolation)
  return [
    ...rows.filter(({ values }) => values.length > 0),
    { kind: 'isolation', values: [{ value: next.isolation, wider }] },
  ]
}

export const countWider = (rows: readonly PermissionRow[]): number =>
  rows.reduce((sum, { values }) => sum + values.filter(({ wider }) => wider).length, 0)

/** What a manifest asks for, in the form that packages are approved in, at the level where its code runs. */
export const permissionsOf = (
  { needs, contributes, isolation }: PluginManifest,
  level: string = isolation.least,
): PluginPermissions => {
  const { http = [], ...kinds } = contributes
  return {
    services: needs.services ?? [],
    connect: needs.connect ?? [],
    listen: needs.listen ?? [],
    files: needs.files ?? [],
    contributes: Object.entries(kinds).flatMap(([kind, list]) => (list.length > 0 ? [kind] : [])),
    http: http.map(({ prefix, auth, permission }) => [prefix, auth, permission].filter(Boolean).join(' ')),
    isolation: level,
  }
}
