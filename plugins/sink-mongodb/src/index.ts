import { defineSink } from '@patchbay/sdk/sink'
import { checkConfig } from './address.ts'
import { config } from './config.ts'

export default defineSink({
  name: 'mongodb',
  config,
  check: checkConfig,
  async open(values, { stop }) {
    // Some megabytes of driver, which a platform without such an instance does not load.
    const { openMongodb } = await import('./mongodb.ts')
    return openMongodb(values, stop)
  },
})
