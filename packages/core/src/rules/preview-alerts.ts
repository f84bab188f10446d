import type { PreviewAlert } from '@patchbay/contracts/rule'
import { severityRank } from '@patchbay/contracts/severity'
import type { AlertSignal } from '../alerts/port.ts'
import { ruleLimits } from './limits.ts'

/** Gathers signals into the stretches for which alerts would have been open. */
export interface PreviewAlerts {
  add(signal: AlertSignal): void
  readonly answer: { alerts: PreviewAlert[]; total: number }
}

export function createPreviewAlerts(toIso: (micros: number) => string): PreviewAlerts {
  const open = new Map<string, PreviewAlert>()
  const answer: PreviewAlerts['answer'] = { alerts: [], total: 0 }
  return {
    answer,
    add(signal) {
      const { device } = signal
      const at = toIso(signal.at)
      if (signal.kind === 'raise') {
        const made: PreviewAlert = { device, severity: signal.severity, openedAt: at, steps: [] }
        open.set(device, made)
        answer.total++
        if (answer.alerts.length < ruleLimits.previewAlerts) answer.alerts.push(made)
      }
      const alert = open.get(device)
      if (!alert) return
      const { kind, value, cause } = signal
      const severity = signal.kind === 'clear' ? {} : { severity: signal.severity }
      if (alert.steps.length < ruleLimits.previewSteps) alert.steps.push({ at, kind, ...severity, value, cause })
      if (signal.kind === 'clear') {
        alert.closedAt = at
        open.delete(device)
      } else if (severityRank(signal.severity) < severityRank(alert.severity)) alert.severity = signal.severity
    },
  }
}
