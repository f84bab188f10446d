import { isRecord } from '@patchbay/plugin-host/config/plain'

/** A reason that says less than this says nothing. */
const leastReasonChars = 10

/**
 * What package.json takes itself out of, with the reason: `"patchbay": {"exempt": {"icon-there": "runs without a console"}}`. What a server
 * refuses cannot be left out.
 */
export function exemptionsOf(pack: Record<string, unknown>): ReadonlyMap<string, string> {
  const own = pack['patchbay']
  const exempt = isRecord(own) ? own['exempt'] : undefined
  if (!isRecord(exempt)) return new Map()
  return new Map(
    Object.entries(exempt).flatMap(([id, reason]) =>
      typeof reason === 'string' && reason.trim().length >= leastReasonChars ? [[id, reason] as const] : [],
    ),
  )
}
