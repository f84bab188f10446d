import type { Live } from '../live/live.ts'
import type { Metrics } from './metrics.ts'

/** The live socket as Prometheus sees it. */
export const measureLive = (metrics: Metrics, live: Pick<Live, 'stats'>): void => {
  const viewers = metrics.gauge({ name: 'patchbay_live_viewers', help: 'Open live sockets' })
  const delivery = metrics.gauge({
    name: 'patchbay_live',
    help: 'Live delivery since the start: frames and bytes sent, frames encoded, turns skipped for slow viewers; bytes waiting now',
    labels: ['what'],
  })
  metrics.collect(() => {
    const { viewers: open, ...counts } = live.stats()
    viewers.set(open)
    for (const [what, value] of Object.entries(counts)) delivery.set(value, { what })
  })
}
