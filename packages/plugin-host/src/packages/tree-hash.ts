import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { HostError } from '../errors.ts'
import { archiveLimits } from './archive-limits.ts'

/** The file with a publisher's signature; it is no part of what is signed. */
export const signatureFile = 'signature.json'

export interface TreeHash {
  /** One line a file, sorted by path: SHA-512 in hex, two spaces, the path. What a publisher signs. */
  list: string
  /** SHA-512 of the list, in hex: the identity of the package's content, however it was packed. */
  sha512: string
  paths: readonly string[]
}

/** Hashes every file of an unpacked package. Anything in it that is no plain file is refused. */
export async function hashTree(folder: string): Promise<TreeHash> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  if (entries.length > 2 * archiveLimits.entries)
    throw new HostError('PACKAGE_CHANGED', `${folder} holds more than was installed.`)
  const paths: string[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) continue
    const path = relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (!entry.isFile()) throw new HostError('PACKAGE_CHANGED', `${path} in ${folder} is no plain file.`)
    paths.push(path)
  }
  paths.sort()
  const lines: string[] = []
  for (const path of paths)
    if (path !== signatureFile)
      lines.push(
        `${createHash('sha512')
          .update(await readFile(join(folder, path)))
          .digest('hex')}  ${path}\n`,
      )
  const list = lines.join('')
  return { list, sha512: createHash('sha512').update(list).digest('hex'), paths }
}
