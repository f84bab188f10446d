import { defineSink } from '@patchbay/sdk/sink'
import { checkConfig } from './brokers.ts'
import { config } from './config.ts'

export default defineSink({
  name: 'kafka',
  config,
  check: checkConfig,
  async open(values, { stop }) {
    // The client is loaded with the first instance.
    const { openKafka } = await import('./kafka.ts')
    return openKafka(values, stop)
  },
})
