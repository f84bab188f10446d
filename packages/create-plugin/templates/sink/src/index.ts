import { field } from '@patchbay/sdk'
import { answerOfWrite, defineSink, toDocument, WriteRefused } from '@patchbay/sdk/sink'

export default defineSink({
  name: 'my-plugin',
  config: { url: field.url({ title: 'Address' }), token: field.secret({ title: 'Token' }) },
  open: ({ url, token }, { stop }) => ({
    sink: {
      write: (records, { signal }) =>
        answerOfWrite(async () => {
          const answer = await fetch(url, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
            body: JSON.stringify(records.map(toDocument)),
            signal: AbortSignal.any([stop, signal]),
          })
          const words = `${answer.status} ${(await answer.text()).slice(0, 500)}`
          if (answer.status === 400 || answer.status === 422) throw new WriteRefused(words)
          if (!answer.ok) throw new Error(words)
        }, [token]),
    },
    readBack: async () => `${url} took a probe.`,
  }),
})
