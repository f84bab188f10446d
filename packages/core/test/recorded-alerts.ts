import type { AlertSignal, AlertSink } from '../src/alerts/port.ts'
import { StoreUnavailable } from '../src/store-unavailable.ts'

/** An AlertSink in memory: it keeps every signal once, as the port demands. */
export interface RecordedAlerts extends AlertSink {
  readonly signals: AlertSignal[]
  /** While true, it rejects with StoreUnavailable. */
  failing: boolean
  hear: ((signal: AlertSignal) => void) | undefined
  /** Signals that came again. */
  again: number
}

export function createRecordedAlerts(): RecordedAlerts {
  const known = new Set<string>()
  const sink: RecordedAlerts = {
    signals: [],
    failing: false,
    hear: undefined,
    again: 0,
    async apply(signals) {
      await Promise.resolve()
      if (sink.failing) throw new StoreUnavailable('told to fail')
      for (const signal of signals) {
        if (known.has(signal.id)) {
          sink.again++
          continue
        }
        known.add(signal.id)
        sink.signals.push(signal)
        sink.hear?.(signal)
      }
    },
  }
  return sink
}
