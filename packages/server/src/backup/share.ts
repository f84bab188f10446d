import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/** How much of a backup is made, by bytes. */
export interface Share {
  /** Of this file. */
  within(path: string): (share: number) => void
  done(path: string): void
  /** Of what lies in MongoDB. */
  mongodb(share: number): void
}

const MONGODB = ''

export async function createShare(
  data: string,
  paths: readonly string[],
  mongodbBytes: number,
  onShare: (share: number) => void,
): Promise<Share> {
  const bytes = new Map([[MONGODB, mongodbBytes]])
  for (const path of paths) bytes.set(path, (await stat(join(data, path))).size)
  const all = [...bytes.values()].reduce((sum, each) => sum + each, 0)
  let before = 0
  const tell = (now: number): void => onShare(all === 0 ? 1 : Math.min(1, now / all))
  const within = (path: string) => (share: number) => tell(before + (bytes.get(path) ?? 0) * share)
  return {
    within,
    done(path) {
      before += bytes.get(path) ?? 0
      tell(before)
    },
    mongodb(share) {
      within(MONGODB)(share)
      if (share >= 1) before += mongodbBytes
    },
  }
}
