import type { Feeds } from '@patchbay/core/delivery/feeds'
import type { Metrics } from './metrics.ts'

const labels = ['plugin', 'instance'] as const

/** What sources have brought in and how far they are behind, as Prometheus sees it. */
export const measureFeeds = (metrics: Metrics, feeds: Pick<Feeds, 'running'>): void => {
  const gauge = (name: string, help: string) => metrics.gauge({ name: `patchbay_feed_${name}`, help, labels })
  const lagRecords = gauge('lag_records', 'Messages that wait at the other side of a source')
  const lagSeconds = gauge('lag_seconds', 'About how old the first of them is')
  const taken = gauge('taken', 'Messages whose readings are durable, since the source started')
  const refused = gauge('refused', 'Messages that could not be taken, since the source started')
  const unkept = gauge('unkept', 'Of those, how many are not kept as dead letters')
  const letters = gauge('dead_letters', 'Dead letters that are there now')
  metrics.collect(() => {
    for (const [full, status] of feeds.running()) {
      const [plugin = '', instance = ''] = full.split('/')
      const of = { plugin, instance }
      if (status.lag) {
        lagRecords.set(status.lag.records, of)
        lagSeconds.set(status.lag.seconds, of)
      }
      taken.set(status.taken, of)
      refused.set(status.refused, of)
      unkept.set(status.unkept, of)
      letters.set(status.deadLetters, of)
    }
  })
}
