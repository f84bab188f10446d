import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationChange } from '@patchbay/contracts/configuration'
import { isFields, pointer } from './plain-value.ts'

/** Changes of one thing that are told. */
const maxChanges = 100

/** The fields in which two things differ. Lists are told whole. */
export function differenceOf(from: unknown, to: unknown): ConfigurationChange[] {
  const changes: ConfigurationChange[] = []
  const walk = (before: unknown, after: unknown, path: string): void => {
    if (isDeepStrictEqual(before, after) || changes.length >= maxChanges) return
    if (isFields(before) && isFields(after)) {
      for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
        walk(before[key], after[key], pointer(path, key))
      return
    }
    changes.push({
      path,
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
    })
  }
  walk(from, to, '')
  return changes
}
