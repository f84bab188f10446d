import { createFakeSessions, startPlugin } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from './index.ts'

test('a reading that a device posts is published, and a wrong secret is refused', async () => {
  const sessions = createFakeSessions({ devices: { 'meter-1': 'good' } })
  const host = await startPlugin(plugin, { manifest: new URL('../plugin.json', import.meta.url), sessions })
  const post = (secret: string) =>
    host.request({ method: 'POST', url: '/x/my-plugin/meter-1', headers: { 'x-secret': secret }, payload: { a: 1 } })
  expect((await post('good')).statusCode).toBe(204)
  expect((await post('wrong')).statusCode).toBe(401)
  expect(sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['{"value":{"a":1}}'])
  expect(await host.stop()).toEqual({ failures: [], left: [] })
})
