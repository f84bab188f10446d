import { randomBytes } from 'node:crypto'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder } from './unpack.ts'
import type { PackageRecord, Release } from './record.ts'

const staging = '.staging'
const hashChars = 16

/** Where packages lie: one folder a plugin, in it one a version, named so that other content is never loaded from the same path. */
export interface Folders {
  of(id: string, release: Pick<Release, 'version' | 'sha512'>): string
  /** A new, empty folder for what is not known to be good yet. */
  stage(): Promise<string>
  /** Moves what was staged to its place, in one step. */
  settle(staged: string, id: string, release: Pick<Release, 'version' | 'sha512'>): Promise<void>
  discard(staged: string): Promise<void>
  /** Deletes whatever no record names. */
  sweep(records: readonly PackageRecord[]): Promise<void>
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch {
    // Whatever keeps it from being seen, it is not there for us; a rename onto it would say why.
    return false
  }
}

export function createFolders(root: string): Folders {
  const nameOf = ({ version, sha512 }: Pick<Release, 'version' | 'sha512'>): string =>
    `${version}-${sha512.slice(0, hashChars)}`
  const of: Folders['of'] = (id, release) => join(root, id, nameOf(release))
  const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true })
  const list = async (folder: string): Promise<string[]> => ((await exists(folder)) ? readdir(folder) : [])

  return {
    of,
    async stage() {
      const folder = join(root, staging, randomBytes(9).toString('hex'))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      return folder
    },
    async settle(staged, id, release) {
      const target = of(id, release)
      // What lies there already may have been touched since; the new one is known to be good.
      await remove(target)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rename(staged, target)
      await syncFolder(dirname(target))
      await syncFolder(root)
    },
    discard: remove,
    async sweep(records) {
      const kept = new Map(
        records.map(({ id, current, previous, staged }) => [
          id,
          new Set([current, previous?.release, staged].flatMap((release) => (release ? [nameOf(release)] : []))),
        ]),
      )
      for (const id of await list(root)) {
        const names = kept.get(id)
        if (!names || names.size === 0) await remove(join(root, id))
        else for (const name of await list(join(root, id))) if (!names.has(name)) await remove(join(root, id, name))
      }
    },
  }
}
