import { alertChannelContract, createFakeStore, startPlugin, toSample } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const { signal } = new AbortController()

alertChannelContract({ plugin, manifest, channel: 'web', config: {}, badConfigs: [{ keep: 0 }, { keep: 5000 }] })

test('keeps the last notifications over a restart, each once, and lists the newest first', async () => {
  const store = createFakeStore()
  const start = (keep: number) => startPlugin(plugin, { manifest, name: 'inbox', store, config: { keep } })
  let host = await start(3)
  const deliver = (id: string) => host.alertChannels.get('web')?.deliver(toSample(id), { attempt: 1, signal })
  const list = async (query = '') =>
    (await host.request(`/x/alert-web/notifications${query}`)).json().items.map(({ id }: { id: string }) => id)
  await Promise.all(['a', 'b', 'b', 'c', 'd'].map(deliver))
  expect(await deliver('d')).toEqual({ outcome: 'delivered', reply: 'in the inbox, number 4' })
  expect(await list()).toEqual(['d', 'c', 'b'])
  await host.stop()
  host = await start(4)
  expect(await list()).toEqual(['d', 'c', 'b', 'a'])
  expect(await deliver('e')).toMatchObject({ reply: 'in the inbox, number 5' })
  expect(await list('?limit=2')).toEqual(['e', 'd'])
  expect(await list('?after=3')).toEqual(['e', 'd'])
  expect(await list('?limit=-1&after=x')).toHaveLength(4)
  await host.stop()
})

test('is shown to nobody without a right to alerts', async () => {
  const host = await startPlugin(plugin, { manifest, authorized: false })
  expect((await host.request('/x/alert-web/notifications')).statusCode).toBe(401)
  await host.stop()
})

test('a store that is away is tried again', async () => {
  const store = createFakeStore()
  const host = await startPlugin(plugin, { manifest, store })
  const set = store.set.bind(store)
  store.set = () => Promise.reject(new Error('the disk is full'))
  const deliver = () => host.alertChannels.get('web')?.deliver(toSample('a'), { attempt: 1, signal })
  expect(await deliver()).toEqual({ outcome: 'retry', reply: 'the disk is full' })
  store.set = set
  expect(await deliver()).toMatchObject({ outcome: 'delivered', reply: 'in the inbox, number 1' })
  await host.stop()
})
