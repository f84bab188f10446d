import { definePlugin } from '@patchbay/sdk'
import { verifySink } from '@patchbay/sdk/sink'
import { config } from './config.ts'
import { checkConfig } from './way.ts'

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => checkConfig(values),
        async open() {
          const { openInfluxdb } = await import('./influxdb.ts')
          return openInfluxdb(values)
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    checkConfig(ctx.config)
    const { openInfluxdb } = await import('./influxdb.ts')
    const { sink, close } = openInfluxdb(ctx.config, ctx.signal)
    ctx.own('connections', close)
    ctx.sink('influxdb', sink)
  },
})
