import type { Alerting } from '../parts/alerting.ts'
import type { Metrics } from './metrics.ts'

/** Alerts, their deliveries and the job queue as Prometheus sees them. */
export const measureAlerts = (metrics: Metrics, { alerts, dispatcher, jobs }: Alerting): void => {
  const raised = metrics.gauge({
    name: 'patchbay_alerts',
    help: 'Since the start: signals of rules that changed something, alerts raised',
    labels: ['what'],
  })
  const deliveries = metrics.gauge({
    name: 'patchbay_alert_deliveries',
    help: 'Deliveries since the start by outcome (grouped: alerts told together); under way and known to the queue now',
    labels: ['what'],
  })
  const queue = metrics.gauge({ name: 'patchbay_jobs', help: 'Jobs in the queue now', labels: ['queue', 'state'] })
  metrics.collect(async () => {
    for (const [what, value] of Object.entries(alerts.counts)) raised.set(value, { what })
    for (const [what, value] of Object.entries({ ...dispatcher.counts, ...dispatcher.stats() })) {
      deliveries.set(value, { what })
    }
    // A queue that is away must not fail the whole scrape; its figures stay as they were.
    for (const { name, ...states } of await jobs.counts().catch(() => [])) {
      for (const [state, value] of Object.entries(states)) queue.set(value, { queue: name, state })
    }
  })
}
