import { definePlugin } from '@patchbay/sdk'
import { verifyChannel } from '@patchbay/sdk/alert-channel'
import { openChannel } from './channel.ts'
import { config } from './config.ts'

export default definePlugin({
  config,
  verify: (values, signal, about) => verifyChannel(() => openChannel(values, about), signal, about),
  async setup(ctx) {
    ctx.alertChannel(
      'telegram',
      await openChannel(ctx.config, { privateTargets: ctx.privateTargets, stop: ctx.signal }),
    )
  },
})
