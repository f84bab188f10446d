import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const packageOf = (specifier: string): string => {
  const path = fileURLToPath(import.meta.resolve(specifier))
  const modules = path.indexOf(`${sep}node_modules${sep}`)
  // A library: all of where libraries lie, since it has some of its own. A part of the platform: its own folder only.
  if (modules !== -1) return path.slice(0, modules + `${sep}node_modules${sep}`.length)
  return dirname(dirname(path)) + sep
}

let found: readonly string[] | undefined

/** What the code of the platform that runs beside a plugin's is read from: this package, the SDK, the contracts and their libraries. */
export const platformFolders = (): readonly string[] =>
  (found ??= [
    ...new Set([
      join(dirname(fileURLToPath(import.meta.url)), '..', '..') + sep,
      packageOf('@patchbay/sdk'),
      packageOf('@patchbay/contracts/plugin'),
      packageOf('fastify'),
      packageOf('typebox'),
    ]),
  ])
