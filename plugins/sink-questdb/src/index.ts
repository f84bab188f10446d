import { BadConfig } from '@patchbay/sdk'
import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { defineSink } from '@patchbay/sdk/sink'
import { type Config, config } from './config.ts'

/** Where the test writes, whatever the configuration names: rows cannot be deleted there, tables can. */
const probeTable = 'patchbay_probe'

/** Throws BadConfig for what is wrong by itself. */
function checkConfig({ url, table = '' }: Config): void {
  assertOpenTarget('/url', url, 'all')
  const unknown = /\{(?!type\})[^}]*\}?/.exec(table)
  if (unknown) throw new BadConfig('/table', `${unknown[0]} is unknown: {type} can be put in.`)
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
