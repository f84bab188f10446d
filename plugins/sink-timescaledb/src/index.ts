import { definePlugin } from '@patchbay/sdk'
import { verifySink } from '@patchbay/sdk/sink'
import { toAddress } from './address.ts'
import { config } from './config.ts'

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => void toAddress(values),
        async open() {
          const { openTimescaledb } = await import('./timescaledb.ts')
          return openTimescaledb(values)
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    toAddress(ctx.config)
    // The driver is loaded with the first instance.
    const { openTimescaledb } = await import('./timescaledb.ts')
    const { sink, close } = openTimescaledb(ctx.config, ctx.signal)
    ctx.own('connection', close)
    ctx.sink('timescaledb', sink)
  },
})
