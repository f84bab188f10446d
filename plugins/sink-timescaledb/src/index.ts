import { defineSink } from '@patchbay/sdk/sink'
import { toAddress } from './address.ts'
import { config } from './config.ts'
import { readTable } from './table.ts'

export default defineSink({
  name: 'timescaledb',
  config,
  check(values) {
    toAddress(values)
    readTable(values.table)
  },
  async open(values, { stop }) {
    // The driver is loaded with the first instance.
    const { openTimescaledb } = await import('./timescaledb.ts')
    return openTimescaledb(values, stop)
  },
})
