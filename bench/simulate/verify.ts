import { isObject } from './exact-json.ts'
import type { FleetDevice } from './fleet.ts'
import type { Rest } from './rest.ts'
import type { Tally } from './tally.ts'

export interface Verdict {
  checked: number
  stored: number
  /** Points that were acknowledged. */
  expected: number
  /** Points whose message had no promise (QoS 0) or no answer. */
  unsure: number
  /** One sentence for each device whose store does not hold what was acknowledged. */
  wrong: string[]
}

/** Devices asked at the end; of more than these, a sample. */
const maxChecked = 50

/** Adds up the buckets of a count. */
export function toPointCount(answer: unknown): number {
  const series = isObject(answer) ? answer['series'] : undefined
  if (!isObject(series)) throw new TypeError('the telemetry answer has no series')
  let points = 0
  for (const buckets of Object.values(series)) {
    if (!Array.isArray(buckets)) continue
    for (const bucket of buckets) {
      const value = isObject(bucket) ? bucket['value'] : undefined
      if (typeof value === 'number') points += value
    }
  }
  return points
}

/**
 * Asks the platform how many points it stored of each device (a sample of many) and holds them against the acknowledgements. Less than
 * acknowledged is a loss; more than acknowledged and unsure together is a doubling.
 */
export async function verify(
  rest: Rest,
  devices: readonly FleetDevice[],
  tally: Tally,
  { fromMs, toMs, random }: { fromMs: number; toMs: number; random: () => number },
): Promise<Verdict> {
  const verdict: Verdict = { checked: 0, stored: 0, expected: 0, unsure: 0, wrong: [] }
  const indexes = [...devices.keys()]
  if (indexes.length > maxChecked) {
    const keys = new Map(indexes.map((index) => [index, random()]))
    indexes.sort((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0))
  }
  const query = new URLSearchParams({
    // Recordings may begin at 1970, and there is no time before that.
    from: String(Math.max(0, Math.floor(fromMs))),
    to: String(Math.ceil(toMs)),
    points: '1',
    aggregate: 'count',
  })
  for (const index of indexes.slice(0, maxChecked)) {
    const device = devices[index]
    const counts = tally.devices[index]
    if (!device || !counts) continue
    const points = toPointCount(
      await rest.get(`/api/v1/devices/${encodeURIComponent(device.id)}/telemetry?${query.toString()}`),
    )
    verdict.checked++
    verdict.stored += points
    verdict.expected += counts.acknowledged
    verdict.unsure += counts.unsure
    const most = counts.acknowledged + counts.unsure
    if (points < counts.acknowledged || points > most) {
      const expected = most === counts.acknowledged ? String(most) : `${counts.acknowledged} to ${most}`
      verdict.wrong.push(`${device.id}: ${points} points are stored, ${expected} were expected`)
    }
  }
  return verdict
}
