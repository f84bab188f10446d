import { definePlugin } from '@patchbay/sdk'
import { verifySink } from '@patchbay/sdk/sink'
import { checkConfig } from './address.ts'
import { config } from './config.ts'

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => checkConfig(values),
        async open() {
          const { openMongodb } = await import('./mongodb.ts')
          return openMongodb(values)
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    checkConfig(ctx.config)
    // Some megabytes of driver, which a platform without such an instance does not load.
    const { openMongodb } = await import('./mongodb.ts')
    const { sink, close } = openMongodb(ctx.config, ctx.signal)
    ctx.own('connections', close)
    ctx.sink('mongodb', sink)
  },
})
