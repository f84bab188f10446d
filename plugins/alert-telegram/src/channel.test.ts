import { alertChannelContract, createHttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const token = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
const said = (description: string, more: object = {}): string => JSON.stringify({ ok: false, description, ...more })
const openBotApi = () =>
  createHttpRemote({
    refusedStatus: 400,
    bodies: {
      accept: JSON.stringify({ ok: true, result: { message_id: 5, note: 'thank you' } }),
      refuse: said('Bad Request: nobody lives here'),
      busy: said('Too Many Requests: one at a time', { parameters: { retry_after: 7 } }),
      fail: said('the gears are stuck'),
    },
  }).then((remote) => Object.assign(remote, { words: { ...remote.words, accept: 'message 5' } }))

alertChannelContract({
  plugin,
  manifest,
  channel: 'telegram',
  badConfigs: [{ token: 'short' }, { chat: 'my chat' }, { text: '{{ unfinished' }, { server: 'http://192.168.0.1' }],
  remote: { open: openBotApi, config: ({ url }) => ({ token, chat: '-1001234567890', server: url }) },
  secrets: [token],
  busyMs: 7000,
})

test('sends plain text to the chat, and knows a chat that is not there', async () => {
  const remote = await openBotApi()
  const host = await startPlugin(plugin, {
    manifest,
    config: { token, chat: '@ops', thread: 3, server: `${remote.url}/` },
    privateTargets: ['127.0.0.1'],
  })
  const { signal } = new AbortController()
  const deliver = () => host.alertChannels.get('telegram')?.deliver(toSample('n-1'), { attempt: 1, signal })
  await deliver()
  expect(remote.received[0]?.path).toBe(`/bot${token}/sendMessage`)
  const body = JSON.parse(remote.received[0]?.body ?? '')
  expect(body).toMatchObject({ chat_id: '@ops', message_thread_id: 3 })
  expect(body).not.toHaveProperty('parse_mode')
  expect(body.text).toContain('<!channel> *Boiler* "1" {{ x }}')
  remote.answerWith((_call, response) => response.writeHead(400).end(said('Bad Request: chat not found')))
  expect(await deliver()).toEqual({ outcome: 'refused', reply: '400 Bad Request: chat not found' })
  remote.answerWith((_call, response) =>
    response.writeHead(429).end(said('Too Many Requests: retry after 31', { parameters: { retry_after: 31 } })),
  )
  expect(await deliver()).toMatchObject({ outcome: 'retry', afterMs: 31_000 })
  await host.stop()
  await remote.close()
})
