import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { finishedRestore } from './unfinished-restore.ts'

export interface DataFiles {
  /** Written to while they are read: each is copied as of one moment. */
  databases: string[]
  /** Written whole or not at all (keys, certificates, packages), or a plugin's own. */
  plain: string[]
  /** Links and the like, which a backup cannot hold. */
  leftOut: string[]
}

/** Made again at every start. */
const cacheFolder = 'cache'
/** Where a database is copied to before it is encrypted: on the disk that has it anyway. */
export const stagingFolder = '.backup-staging'
/** What is on its way over a bridge: a restored copy of it would be sent twice. */
export const bridgesFolder = 'bridges'
const passingFolders = new Set([cacheFolder, stagingFolder, finishedRestore, bridgesFolder])
const isDatabase = (path: string): boolean => /\.sqlite(\.hot)?$/.test(path)
/** Locks, side files of databases, and files on their way to their name. */
const isPassing = (path: string): boolean => /(\.lock|-wal|-shm|-journal|\.new)$/.test(path)

/**
 * What lies in a data folder, as paths with `/`. Goes by names and opens nothing: closing a database's file would take away the locks that
 * this process has on it.
 */
export async function listDataFiles(folder: string): Promise<DataFiles> {
  const found: DataFiles = { databases: [], plain: [], leftOut: [] }
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (passingFolders.has(path)) continue
      if (entry.isDirectory()) await walk(path)
      else if (!entry.isFile()) found.leftOut.push(path)
      else if (isDatabase(path)) found.databases.push(path)
      else if (!isPassing(path)) found.plain.push(path)
    }
  }
  await walk('')
  return found
}
