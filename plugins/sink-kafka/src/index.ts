import { definePlugin } from '@patchbay/sdk'
import { verifySink } from '@patchbay/sdk/sink'
import { checkConfig } from './brokers.ts'
import { config } from './config.ts'

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => checkConfig(values),
        async open() {
          const { openKafka } = await import('./kafka.ts')
          return openKafka(values)
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    checkConfig(ctx.config)
    // The client is loaded with the first instance.
    const { openKafka } = await import('./kafka.ts')
    const { sink, close } = openKafka(ctx.config, ctx.signal)
    ctx.own('producer', close)
    ctx.sink('kafka', sink)
  },
})
