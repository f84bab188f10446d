import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { toPlan } from './plan.ts'

export default definePlugin({
  config,
  async verify(values, signal, { purpose }) {
    const plan = toPlan(values)
    if (purpose === 'save') return undefined
    const { tryConnection } = await import('./try-connection.ts')
    return { reply: await tryConnection(values, plan, signal) }
  },
  async setup(ctx) {
    const plan = toPlan(ctx.config)
    // The client is loaded with the first instance.
    const { openBridge } = await import('./bridge.ts')
    await openBridge(ctx, plan)
  },
})
