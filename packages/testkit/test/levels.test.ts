import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import {
  accessProviderContract,
  adapterContract,
  createFakeSessions,
  createFakeStore,
  startPlugin,
  type StartOptions,
} from '../src/index.ts'
import list from './fixtures/access-list.ts'
import line from './fixtures/adapter-line.ts'
import counter from './fixtures/source-counter.ts'

const levels = ['host', 'worker', 'process'] as const
const fixture = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url)
const clean = { failures: [], left: [] }

const exchange = async (socket: Socket, text: string): Promise<string> => {
  socket.write(`${text}\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return String(answer).trim()
}

describe.for(levels)('at %s level', (isolation) => {
  const lineOptions: StartOptions = {
    isolation,
    entry: fixture('adapter-line'),
    manifest: {
      id: 'line',
      contributes: {
        adapters: [{ name: 'line', title: 'Line', directions: ['up', 'down'] }],
        http: [{ prefix: '/x/line', auth: 'own' }],
      },
    },
  }

  adapterContract({
    plugin: line,
    options: { ...lineOptions, config: {} },
    badConfig: { limit: 0 },
    async publish(host, as, { topic, payload }) {
      const socket = await host.connect({ listener: 'line' })
      const answer = await exchange(socket, `LINE ${as.id} ${as.secret} ${topic} ${payload}`)
      if (answer !== 'ok') throw new Error(answer)
    },
    async wrongCredentials(host, as) {
      const socket = await host.connect({ listener: 'line' })
      const answer = await exchange(socket, `LINE ${as.id} ${as.secret} t p`)
      if (answer !== 'CREDENTIALS_WRONG') throw new Error(`answered ${answer}`)
    },
  })

  accessProviderContract({
    plugin: list,
    options: {
      isolation,
      entry: fixture('access-list'),
      manifest: { contributes: { accessProviders: [{ name: 'list', title: 'List', decides: ['publish'] }] } },
    },
    provider: 'list',
    badConfig: { device: 7 },
    decide: [
      { question: { device: 'banned-1', action: 'publish', topic: 'a' }, answer: 'deny' },
      { question: { device: 'other', action: 'publish', topic: 'a' }, answer: undefined },
    ],
  })

  test('an adapter hears what the platform sends, and the end of a session', async () => {
    const sessions = createFakeSessions({ devices: { 'meter-1': 'good' } })
    const host = await startPlugin(line, { ...lineOptions, sessions })
    const socket = await host.connect({ listener: 'line' })
    const heard = vi.fn<(text: string) => void>()
    socket.on('data', (chunk: Buffer) => heard(chunk.toString()))
    socket.write('LINE meter-1 good devices/meter-1/telemetry 1\n')
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith('ok\n'))
    const [session] = sessions.opened
    await session?.send({ topic: 'devices/meter-1/commands/c1', bytes: '{"name":"open"}', qos: 1 })
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith('devices/meter-1/commands/c1 {"name":"open"}\n'))
    session?.end('revoked')
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith('revoked\n'))
    expect(await host.stop()).toEqual(clean)
    expect(session?.closed).toBe(true)
  })

  test('a megabyte goes through a connection, each side waiting for the other', async () => {
    const host = await startPlugin(line, lineOptions)
    const socket = await host.connect({ listener: 'line' })
    let answers = 0
    socket.on('data', (chunk: Buffer) => (answers += chunk.toString().split('\n').length - 1))
    const row = `LINE x wrong t ${'p'.repeat(990)}\n`
    for (let sent = 0; sent < 1000; sent += 1) socket.write(row)
    // Rows may be cut where a chunk ends: every piece is answered.
    await vi.waitFor(() => expect(answers).toBeGreaterThanOrEqual(1000), { timeout: 10_000 })
    socket.destroy()
    expect(await host.stop()).toEqual(clean)
  })

  test('HTTP comes with its peer and its body, and without the console’s session', async () => {
    const host = await startPlugin(line, lineOptions)
    expect((await host.request('/x/line/peer')).json()).toEqual({ address: '127.0.0.1' })
    expect((await host.request('/x/line/none')).statusCode).toBe(404)
    const echo = await host.request({
      method: 'POST',
      url: '/x/line/echo',
      payload: { a: 1 },
      headers: isolation === 'host' ? {} : { cookie: '__Host-patchbay=s; other=1' },
    })
    expect(echo.json()).toEqual({ body: { a: 1 }, cookie: isolation === 'host' ? null : 'other=1' })
    const large = { method: 'POST' as const, url: '/x/line/echo', payload: { a: 'x'.repeat(2 * 1024 * 1024) } }
    expect((await host.request(large)).statusCode).toBe(413)
    // A port is given up while it runs, and who came by it stays.
    const socket = await host.connect({ listener: 'line' })
    expect((await host.request({ method: 'POST', url: '/x/line/close' })).statusCode).toBe(200)
    expect(host.listeners.open).toEqual([])
    expect(await exchange(socket, 'LINE x wrong t p')).toBe('ok')
    expect(await host.stop()).toEqual(clean)
  })

  test('a source hands over readings, and goes on from its store', async () => {
    const sessions = createFakeSessions()
    const store = createFakeStore()
    const options: StartOptions = {
      isolation,
      entry: fixture('source-counter'),
      sessions,
      store,
      manifest: {
        contributes: { sources: [{ name: 'counter', title: 'Counter' }] },
        needs: { services: ['sessions', 'devices'] },
      },
    }
    const host = await startPlugin(counter, options)
    await vi.waitFor(() => expect(store.values.get('count')).toBe('3'), { interval: 5 })
    expect(host.feed.parked).toEqual([{ id: 'counter:0', reply: 'no number', item: { value: 'zero' } }])
    expect([store.values.get('kept'), host.feed.lag]).toEqual(['1', { records: 5, seconds: 0.5 }])
    expect(host.feed.devices).toEqual([{ id: 'meter-2', type: 'meter', tags: ['made'] }])
    await expect(host.feed.retake({ value: 'zero' })).rejects.toMatchObject({
      name: 'Refused',
      message: 'still not mended',
    })
    await host.feed.retake({ value: 'mended' })
    await vi.waitFor(() => expect(host.feed.taken).toBeGreaterThan(100))
    expect(await host.stop()).toEqual(clean)
    const count = Number(store.values.get('count'))
    const again = await startPlugin(counter, options)
    await vi.waitFor(() => expect(Number(store.values.get('count'))).toBeGreaterThan(count))
    expect(await again.stop()).toEqual(clean)
    const counts = sessions.wills.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).count)
    expect(counts).toEqual(Array.from({ length: counts.length }, (_, index) => index + 1))
  })
})
