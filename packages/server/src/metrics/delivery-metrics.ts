import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { Metrics } from './metrics.ts'

const labels = ['plugin', 'instance'] as const

/** What sinks have delivered and how far they are behind, as Prometheus sees it. */
export const measureDeliveries = (metrics: Metrics, deliveries: Pick<Deliveries, 'running'>): void => {
  const gauge = (name: string, help: string) => metrics.gauge({ name: `patchbay_delivery_${name}`, help, labels })
  const lagRecords = gauge('lag_records', 'Records that wait for a sink now, about')
  const lagSeconds = gauge('lag_seconds', 'Since the first of them was stored')
  const sent = gauge('sent', 'Records that the target took, ever')
  const refused = gauge('refused', 'Records that the target refused, ever')
  const letters = gauge('dead_letters', 'Dead letters that are there now')
  const gone = gauge('gone_points', 'Points that were gone before the sink read them, ever')
  const failing = gauge('failing', '1 while the target takes nothing')
  metrics.collect(() => {
    for (const [full, status] of deliveries.running()) {
      const [plugin = '', instance = ''] = full.split('/')
      const of = { plugin, instance }
      lagRecords.set(status.lag.records, of)
      lagSeconds.set(status.lag.seconds, of)
      sent.set(status.sent, of)
      refused.set(status.refused, of)
      letters.set(status.deadLetters, of)
      gone.set(status.gone, of)
      failing.set(status.state === 'retrying' || status.state === 'blocked' ? 1 : 0, of)
    }
  })
}
