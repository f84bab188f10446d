import { definePlugin, field } from '@patchbay/sdk'
import { answerOfWrite, WriteRefused } from '@patchbay/sdk/sink'

const isLetter = (value: unknown): value is { id: string; topic: string; text: string } =>
  typeof value === 'object' && value !== null && 'id' in value && 'topic' in value && 'text' in value

export default definePlugin({
  config: {
    url: field.url({ title: 'Address of the service' }),
    everyMs: field.integer({ title: 'Interval in ms', default: 1_000, minimum: 100 }),
  },
  setup(ctx) {
    const { url, everyMs } = ctx.config
    const call = async (method: string, path = '', body: string | null = null) => {
      const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(5_000)])
      const answer = await fetch(`${url}${path}`, { method, body, signal })
      const text = await answer.text()
      if (answer.status === 422) throw new WriteRefused(text)
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
      return text
    }
    const link = ctx.bridge('my-plugin', {
      out: ['devices/+/telemetry'],
      in: ['remote/#'],
      send: (messages) =>
        answerOfWrite(async () => {
          const letters = messages.map(({ topic, bytes }) => ({ topic, text: Buffer.from(bytes).toString() }))
          await call('POST', '', JSON.stringify(letters))
        }),
    })
    ctx.every(everyMs, async () => {
      try {
        const letters: unknown = JSON.parse(await call('GET'))
        for (const letter of Array.isArray(letters) ? letters.filter(isLetter) : []) {
          await link.publish(`remote/${letter.topic}`, Buffer.from(letter.text))
          // It is durable here only now, so it may go there.
          await call('DELETE', `?id=${encodeURIComponent(letter.id)}`)
        }
        ctx.health('ok')
      } catch (error) {
        if (!ctx.signal.aborted) ctx.health('degraded', String(error))
      }
    })
  },
})
