import type { AccessAction, AccessRule } from '@patchbay/contracts/access'
import { intersects, toPlainFilter } from '@patchbay/core/access/filter'

/**
 * The rule that denies a topic whose dots were lost. A broker that tells `plant/v1.2` as `plant/v1/2` would slip past a ban on the first, so
 * bans with a dot are held against the topic with slashes in their place too, whomever they are about: too strict rather than too lax.
 */
export function findDottedBan(
  rules: readonly AccessRule[],
  { username, action, topic }: { username: string; action: AccessAction; topic: string },
): AccessRule | undefined {
  const asked = toPlainFilter(topic)
  if (asked === undefined) return undefined
  return rules.find(
    ({ effect, actions, filter }) =>
      effect === 'deny' &&
      filter.includes('.') &&
      actions.includes(action) &&
      intersects(
        filter.replaceAll('.', '/').replaceAll('{id}', () => username),
        asked,
      ),
  )
}
