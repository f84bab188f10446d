import type { LiveDevice, LiveMessage } from '@patchbay/contracts/live'

export interface LivePoint {
  at: string
  value?: unknown
  /** Too long to be sent; REST has it. */
  size?: number
}
export interface FollowedDevice {
  device?: NonNullable<LiveDevice>['device']
  values: Record<string, LivePoint>
  touched: NonNullable<NonNullable<LiveDevice>['touched']>
}

/** What is known of a device after another part of it came. Keys come from devices, so nothing is set on a plain object by name. */
export const mergeDevice = (
  known: FollowedDevice | undefined,
  part: LiveDevice,
  whole: boolean,
): FollowedDevice | undefined => {
  if (part === null) return undefined
  const before = whole || part.replace ? undefined : known
  const device = part.device ?? before?.device
  return {
    ...(device ? { device } : {}),
    values: Object.fromEntries([...Object.entries(before?.values ?? {}), ...Object.entries(part.values ?? {})]),
    touched: { ...before?.touched, ...part.touched },
  }
}

/** The newest messages first, at most `limit`; one that is there already is not added again. */
export const addMessages = (
  known: readonly LiveMessage[],
  more: readonly LiveMessage[],
  limit: number,
): LiveMessage[] => {
  const newest = known[0]?.n ?? 0
  const fresh = more.filter((message) => message.n > newest).sort((a, b) => b.n - a.n)
  return [...fresh, ...known].slice(0, limit)
}

/** A restart is over within these tries, and who waits for it wants to see its end soon. */
const soonTries = 12
/** How long to wait before the next try: 0.5 s to 4 s at first, later up to 30 s, for ever, spread so that many tabs do not come at once. */
export const retryAfterMs = (tries: number, random: number): number =>
  Math.min(tries < soonTries ? 4000 : 30_000, 500 * 2 ** Math.min(tries, 6)) * (0.5 + random / 2)
