import { definePlugin, field } from '@patchbay/sdk'
import { answerOfWrite, WriteRefused } from '@patchbay/sdk/sink'

export default definePlugin({
  config: { url: field.url({ title: 'Address' }), everyMs: field.integer({ title: 'Interval in ms', default: 1_000 }) },
  setup(ctx) {
    const call = async (method: string, body: string | null = null) => {
      const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(5_000)])
      const answer = await fetch(ctx.config.url, { method, body, signal })
      const text = await answer.text()
      if (answer.status === 422) throw new WriteRefused(text)
      if (!answer.ok) throw new Error(`The service answered ${answer.status}.`)
      return text
    }
    const link = ctx.bridge('my-plugin', {
      out: ['devices/+/telemetry'],
      in: ['remote/#'],
      send: (messages) =>
        answerOfWrite(async () => {
          const letters = messages.map(({ topic, bytes }) => ({ topic, text: Buffer.from(bytes).toString() }))
          await call('POST', JSON.stringify(letters))
        }),
    })
    ctx.every(ctx.config.everyMs, async () => {
      try {
        const text = await call('GET')
        // It goes there only when it is durable here.
        if (text !== '') await link.publish('remote/message', Buffer.from(text)).then(() => call('DELETE'))
        ctx.health('ok')
      } catch (error) {
        if (!ctx.signal.aborted) ctx.health('degraded', String(error))
      }
    })
  },
})
