import type { Settle } from '@patchbay/contracts/session'
import { kinds } from '../telemetry/port.ts'
import type { Columns } from './columns.ts'
import type { DeviceIngest } from './device-ingest.ts'

/** A value that was just made durable. */
export interface WatchedPoint {
  key: string
  /** µs. */
  at: number
  value: number | boolean | string
  /** `value` is JSON text. */
  json: boolean
}
export type HearPoints = (points: readonly WatchedPoint[]) => void

/** Somebody looks at a device: what is decoded for it is copied and told once it is durable. */
export interface Watch {
  /** Copies the rows after `mark`; the answer settles the message and, if it was stored, tells them. */
  follow(ingest: DeviceIngest, columns: Columns, mark: number, settle: Settle): Settle
}

/** Devices that somebody looks at. A device without a watch costs its messages one comparison. */
export interface Watches {
  of(device: string): Watch | undefined
  /** The answer takes the ear away. */
  add(device: string, hear: HearPoints): () => void
}

export function createWatches(changed: (device: string) => void, onFault: (error: unknown) => void): Watches {
  const watches = new Map<string, { watch: Watch; ears: Set<{ hear: HearPoints }> }>()
  return {
    of: (device) => watches.get(device)?.watch,
    add(device, hear) {
      const ear = { hear }
      let watched = watches.get(device)
      if (watched) watched.ears.add(ear)
      else {
        const ears = new Set([ear])
        const toAll: HearPoints = (points) => {
          for (const each of ears) each.hear(points)
        }
        watched = { watch: createWatch(toAll, onFault), ears }
        watches.set(device, watched)
        changed(device)
      }
      const { ears } = watched
      return () => {
        if (!ears.delete(ear) || ears.size > 0) return
        watches.delete(device)
        changed(device)
      }
    },
  }
}

function createWatch(hear: HearPoints, onFault: (error: unknown) => void): Watch {
  /** Keys by series, made when a series is met that is not in it. */
  let names = new Map<number, string>()
  let namesOf: DeviceIngest | undefined

  function nameOf(ingest: DeviceIngest, series: number): string {
    const known = namesOf === ingest ? names.get(series) : undefined
    if (known !== undefined) return known
    names = new Map()
    for (const [key, id] of ingest.series.keys) names.set(id, key)
    namesOf = ingest
    return names.get(series) ?? ''
  }

  return {
    follow(ingest, columns, mark, settle) {
      const points: WatchedPoint[] = []
      columns.readFrom(mark, (series, at, kind, number, text) => {
        const key = nameOf(ingest, series)
        const value = kind === kinds.number ? number : kind === kinds.boolean ? number === 1 : text
        points.push({ key, at, value, json: kind === kinds.json })
      })
      return (refused) => {
        // The acknowledgement first: nobody who looks on may hold it up.
        settle(refused)
        if (refused) return
        try {
          hear(points)
        } catch (error) {
          onFault(error)
        }
      }
    },
  }
}
