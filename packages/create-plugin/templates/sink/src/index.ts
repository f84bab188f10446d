import { definePlugin, field, type Sink } from '@patchbay/sdk'
import { answerOfWrite, toDocument, verifySink, WriteRefused } from '@patchbay/sdk/sink'

const openSink = (url: string, token: string, stop?: AbortSignal): Sink => ({
  write: (records, { signal }) =>
    answerOfWrite(async () => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(records.map(toDocument)),
        signal: stop ? AbortSignal.any([stop, signal]) : signal,
      })
      const words = `${answer.status} ${(await answer.text()).slice(0, 500)}`
      if (answer.status === 400 || answer.status === 422) throw new WriteRefused(words)
      if (!answer.ok) throw new Error(words)
    }, [token]),
})

export default definePlugin({
  config: { url: field.url({ title: 'Address' }), token: field.secret({ title: 'Token' }) },
  verify: ({ url, token }, signal, about) =>
    verifySink(
      {
        open: async () => ({ sink: openSink(url, token), readBack: async () => `${url} took a probe.` }),
      },
      signal,
      about,
    ),
  setup(ctx) {
    ctx.sink('my-plugin', openSink(ctx.config.url, ctx.config.token, ctx.signal))
  },
})
