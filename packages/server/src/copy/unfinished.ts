import type { RegistryStore } from '@patchbay/core/registry/port'
import { CopyError } from './errors.ts'

/** The document in `meta` of the target that a copy goes on from. As long as it is there the store is not whole. */
export const copyDocument = 'copy'

/** What the last copy into this store came to. */
export const copiedDocument = 'copied'

/** A platform on half of the data would answer as though the rest had never been. */
export async function refuseUnfinishedCopy(registry: RegistryStore): Promise<void> {
  if ((await registry.get('meta', copyDocument)) === undefined) return
  const message = 'a copy into this store is not finished: run it again with the same source, it goes on where it was'
  throw new CopyError('COPY_UNFINISHED', message)
}
