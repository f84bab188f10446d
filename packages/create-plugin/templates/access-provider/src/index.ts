import { definePlugin, field } from '@patchbay/sdk'

export default definePlugin({
  config: { device: field.text({ title: 'Device that may not publish' }) },
  setup(ctx) {
    ctx.accessProvider('my-plugin', {
      // undefined = no opinion: the next provider is asked.
      decide: async ({ device }) => (device === ctx.config.device ? 'deny' : undefined),
    })
  },
})
