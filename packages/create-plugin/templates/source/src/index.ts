import { definePlugin, field } from '@patchbay/sdk'

export default definePlugin({
  config: {
    url: field.url({ title: 'Address that answers JSON' }),
    device: field.text({ title: 'Device' }),
    everyMs: field.integer({ title: 'Interval in ms', default: 10_000, minimum: 100 }),
  },
  setup(ctx) {
    const { url, device, everyMs } = ctx.config
    ctx.source('my-plugin')
    ctx.every(everyMs, async () => {
      try {
        const answer = await fetch(url, { signal: AbortSignal.any([ctx.signal, AbortSignal.timeout(5_000)]) })
        if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
        const bytes = Buffer.from(JSON.stringify(await answer.json()))
        await ctx.sessions.publishFor({ kind: 'device', id: device }, 'my-plugin', `devices/${device}/telemetry`, bytes)
        ctx.health('ok')
      } catch (error) {
        if (!ctx.signal.aborted) ctx.health('degraded', String(error))
      }
    })
  },
})
