import type { HttpMount } from '@patchbay/contracts/plugin'
import { isUnder, withoutSlash } from './mounts.ts'

/** A prefix as a plugin asks for it. */
export type Claim = Pick<HttpMount, 'prefix' | 'leaves'>

const holds = ({ prefix, leaves = [] }: Claim, path: string): boolean =>
  isUnder(path, prefix) && !leaves.some((left) => isUnder(path, withoutSlash(left)))

/** One lies within the other, which does not leave it free. */
export const overlaps = (a: Claim, b: Claim): boolean => holds(a, b.prefix) || holds(b, a.prefix)
