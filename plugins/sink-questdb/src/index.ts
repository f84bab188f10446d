import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { defineSink } from '@patchbay/sdk/sink'
import { type Config, config } from './config.ts'
import { readTable } from './lines.ts'

/** Where the test writes, whatever the configuration names: rows cannot be deleted there, tables can. */
const probeTable = 'patchbay_probe'

/** Throws BadConfig for what is wrong by itself. */
function checkConfig({ url, table = '' }: Config): void {
  assertOpenTarget('/url', url, 'all')
  readTable(table)
}

export default defineSink({
  name: 'questdb',
  config,
  check: checkConfig,
  async open(values, { stop, isTest }) {
    const { openQuestdb } = await import('./questdb.ts')
    return openQuestdb(isTest ? { ...values, table: probeTable } : values, stop)
  },
})
