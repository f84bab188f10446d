import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { archiveLimits } from '@patchbay/plugin-host/packages/archive-limits'
import type { Rule } from '../rule.ts'

const mebibyte = 1024 * 1024

export const rule: Rule = {
  id: 'size-limits',
  tier: 'required',
  asks: 'No packed file is larger than a server takes',
  async find({ folder, manifest: { entry, config, docs, icon } }) {
    const found: string[] = []
    for (const path of [entry, config, docs, icon]) {
      if (path === undefined) continue
      // Not there: another rule says so.
      const size = await stat(join(folder, path)).then(
        (of) => of.size,
        () => 0,
      )
      if (size > archiveLimits.fileBytes)
        found.push(
          `${path} has ${(size / mebibyte).toFixed(1)} MiB; a server takes ${archiveLimits.fileBytes / mebibyte}.`,
        )
    }
    return found
  },
}
