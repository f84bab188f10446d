import { adapterContract, type StartedPlugin, startPlugin } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import plugin from '../src/index.ts'

const options = { manifest: new URL('../plugin.json', import.meta.url), config: {} }
const basic = (as: { id: string; secret: string }) => `Basic ${Buffer.from(`${as.id}:${as.secret}`).toString('base64')}`
const post = (host: StartedPlugin, as: { id: string; secret: string }, topic: string, payload: string) =>
  host.request({ method: 'POST', url: `/v1/${topic}`, payload, headers: { authorization: basic(as) } })

adapterContract({
  plugin,
  options,
  badConfig: { maxWaitSeconds: 61 },
  async publish(host, as, { topic, payload }) {
    const answer = await post(host, as, topic, payload)
    if (answer.statusCode !== 204) throw new Error(answer.payload)
  },
  async wrongCredentials(host, as) {
    const answer = await post(host, as, `devices/${as.id}/telemetry`, '1')
    const said = `${answer.statusCode} ${String(answer.headers['content-type'])}`
    if (said !== '401 application/problem+json; charset=utf-8') throw new Error(said)
  },
})

test('behind the host a device publishes, polls and reads its shadow', async () => {
  const host = await startPlugin(plugin, options)
  const as = { id: 'meter-1', secret: 's' }
  const get = (path: string) =>
    host.request({ method: 'GET', url: `/v1/devices/meter-1/${path}`, headers: { authorization: basic(as) } })
  expect((await post(host, as, 'devices/meter-1/telemetry', '{"t":1}')).statusCode).toBe(204)
  expect((await get('commands?wait=0')).statusCode).toBe(204)
  expect((await get('shadow/desired')).json()).toEqual({ delta: {}, version: expect.any(Number) })
  expect(host.sessions.opened.every((session) => session.peer.request === true)).toBe(true)
  await host.stop()
})
