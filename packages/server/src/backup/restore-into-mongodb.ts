import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyStores } from '../copy/copy.ts'
import { openStores } from '../parts/stores.ts'
import { storeFiles } from './mongodb-snapshot.ts'
import { isThere, syncPath } from './paths.ts'

/**
 * Moves the stores of restored files into an empty database. It may be killed at any point and is run again: the copy goes on where it was,
 * and its end is noted before the files go.
 */
export async function moveIntoMongodb(
  files: string,
  mongodbUrl: string,
  onShare: (share: number) => void,
): Promise<void> {
  const copied = join(files, '..', 'copied')
  if (!(await isThere(copied)) && (await isThere(join(files, 'registry.sqlite')))) {
    await copyAll(files, mongodbUrl, onShare)
    await writeFile(`${copied}.new`, '', { flush: true })
    await rename(`${copied}.new`, copied)
    await syncPath(join(files, '..'))
  }
  for (const name of storeFiles) {
    for (const side of ['', '-wal', '-shm', '.lock']) await rm(join(files, `${name}${side}`), { force: true })
  }
}

async function copyAll(files: string, mongodbUrl: string, onShare: (share: number) => void): Promise<void> {
  let failed: Error | undefined
  const onFatal = (error: Error): void => void (failed ??= error)
  const from = await openStores({ data: files, durability: 'relaxed' }, onFatal)
  try {
    const to = await openStores({ data: files, durability: 'full', mongodbUrl }, onFatal)
    try {
      await copyStores({
        from,
        to,
        onProgress(step, done, all) {
          const share = all === 0 ? 1 : Math.min(1, done / all)
          if (step === 'telemetry') onShare(share / 2)
          if (step === 'checking') onShare((1 + share) / 2)
        },
      })
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
  if (failed) throw failed
}
