import { defineSink } from '@patchbay/sdk/sink'
import { config } from './config.ts'
import { checkConfig } from './way.ts'

export default defineSink({
  name: 'influxdb',
  config,
  check: checkConfig,
  async open(values, { stop }) {
    const { openInfluxdb } = await import('./influxdb.ts')
    return openInfluxdb(values, stop)
  },
})
