import type { Json } from './exact-json.ts'
import type { Due } from './schedule.ts'

export interface Message {
  payload: string
  /** Values that are not null: the platform skips null. */
  points: number
  faulty: boolean
}

export const toPointsOf = (values: Record<string, Json>): number => {
  let points = 0
  for (const value of Object.values(values)) if (value !== null) points++
  return points
}

/**
 * Makes payloads. Each device's `ts` grows by a microsecond at least, so that no two messages of a device are one point, whatever pace
 * was chosen.
 */
export function createMessages({
  devices,
  time,
  withFaults,
}: {
  devices: number
  time: 'given' | 'arrival' | 'recorded'
  withFaults: boolean
}): (due: Due) => Message {
  const lastMicros = new Float64Array(devices)
  return ({ device, at, reading }) => {
    const { values, wrongAt } = reading
    if (withFaults && wrongAt !== undefined) {
      return { payload: JSON.stringify({ ts: wrongAt, values }), points: 0, faulty: true }
    }
    const points = toPointsOf(values)
    if (time === 'arrival') return { payload: JSON.stringify(values), points, faulty: false }
    const ms = time === 'recorded' ? reading.at : at
    const micros = Math.max(Math.round(ms * 1000), (lastMicros[device] ?? 0) + 1)
    lastMicros[device] = micros
    return { payload: JSON.stringify({ ts: micros / 1000, values }), points, faulty: false }
  }
}
