import { BadConfig, definePlugin } from '@patchbay/sdk'
import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { verifySink } from '@patchbay/sdk/sink'
import { type Config, config } from './config.ts'

/** Where the test writes, whatever the configuration names: rows cannot be deleted there, tables can. */
const probeTable = 'patchbay_probe'

/** Throws BadConfig for what is wrong by itself. */
function checkConfig({ url, table = '' }: Config): void {
  assertOpenTarget('/url', url, 'all')
  const unknown = /\{(?!type\})[^}]*\}?/.exec(table)
  if (unknown) throw new BadConfig('/table', `${unknown[0]} is unknown: {type} can be put in.`)
}

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => checkConfig(values),
        async open() {
          const { openQuestdb } = await import('./questdb.ts')
          return openQuestdb({ ...values, table: probeTable })
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    checkConfig(ctx.config)
    const { openQuestdb } = await import('./questdb.ts')
    const { sink, close } = openQuestdb(ctx.config, ctx.signal)
    ctx.own('connections', close)
    ctx.sink('questdb', sink)
  },
})
