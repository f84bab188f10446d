import { createServer } from 'node:net'
import { once } from 'node:events'
import { definePlugin, field, NotReady, peerOf, Refused } from '@patchbay/sdk'
import { describe, expect, test } from 'vitest'
import { createFakeClock } from './fakes/clock.ts'
import { createFakeSessions } from './fakes/sessions.ts'
import { LeakFound, startPlugin } from './start-plugin.ts'
import { accessProviderContract } from './suites/access-provider.ts'
import { adapterContract } from './suites/adapter.ts'

/** A whole adapter: one line `id secret topic payload` a message, answered `ok` or the refusal's code. */
const lineAdapter = definePlugin({
  config: { greeting: field.text({ default: 'hello' }), limit: field.integer({ default: 1024, minimum: 1 }) },
  setup(ctx) {
    ctx.adapter('line')
    ctx.match(
      'line',
      (bytes) => (Buffer.from(bytes).toString().startsWith('LINE') ? 'mine' : bytes.length < 4 ? 'more' : 'no'),
      (connection) => serve(connection.socket),
    )
    ctx.listen({ name: 'line', port: 1 }, (connection) => serve(connection.socket))
    ctx.http(async (app) => {
      app.get('/x/line/peer', async (request) => ({ address: peerOf(request).address }))
    })
    const serve = (socket: import('node:stream').Duplex): void => {
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().trim().split('\n')) {
          const [, id = '', secret = '', topic = '', payload = ''] = line.split(' ')
          void (async () => {
            try {
              const session = await ctx.sessions.open({
                protocol: 'line',
                address: 'x',
                encrypted: true,
                credentials: { kind: 'password', username: id, password: secret },
              })
              await session.publish(topic, Buffer.from(payload))
              session.close()
              socket.write('ok\n')
            } catch (error) {
              socket.write(`${error instanceof Refused ? error.code : 'INTERNAL'}\n`)
            }
          })()
        }
      })
    }
  },
})

const manifest = {
  id: 'line',
  contributes: { adapters: [{ name: 'line', title: 'Line', directions: ['up' as const] }] },
}
const exchange = async (socket: import('node:net').Socket, line: string): Promise<string> => {
  socket.write(`${line}\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return String(answer).trim()
}

adapterContract({
  plugin: lineAdapter,
  options: { manifest, config: {} },
  badConfig: { limit: 0 },
  async publish(host, as, { topic, payload }) {
    const socket = await host.connect({ listener: 'line' })
    const answer = await exchange(socket, `LINE ${as.id} ${as.secret} ${topic} ${payload}`)
    if (answer !== 'ok') throw new Error(answer)
  },
  async wrongCredentials(host, as) {
    const answer = await exchange(await host.connect(), `LINE ${as.id} ${as.secret} t p`)
    if (answer !== 'CREDENTIALS_WRONG') throw new Error(`answered ${answer}`)
  },
})

accessProviderContract({
  plugin: definePlugin({
    config: { device: field.text({ default: 'banned-1' }) },
    setup(ctx) {
      ctx.accessProvider('list', {
        decide: async ({ device }) => (device === ctx.config.device ? 'deny' : undefined),
      })
    },
  }),
  options: {
    manifest: { contributes: { accessProviders: [{ name: 'list', title: 'List', decides: ['publish'] }] } },
  },
  provider: 'list',
  badConfig: { device: 7 },
  decide: [
    { question: { device: 'banned-1', action: 'publish', topic: 'a' }, answer: 'deny' },
    { question: { device: 'other', action: 'publish', topic: 'a' }, answer: undefined },
  ],
})

describe('startPlugin', () => {
  test('answers requests through the child app and knows the peer', async () => {
    const host = await startPlugin(lineAdapter, { manifest })
    expect((await host.request('/x/line/peer')).json()).toEqual({ address: '127.0.0.1' })
    expect((await host.request('/x/line/none')).statusCode).toBe(404)
    await host.stop()
  })

  test('asks for the session under the default prefix', async () => {
    const host = await startPlugin(lineAdapter, { manifest, authorized: false })
    const answer = await host.request('/x/line/peer')
    expect(answer.statusCode).toBe(401)
    expect(answer.json()).toMatchObject({ code: 'AUTH_REQUIRED', status: 401 })
    await host.stop()
  })

  test('a front-door connection that nobody wants ends', async () => {
    const host = await startPlugin(lineAdapter, { manifest })
    const socket = await host.connect()
    socket.on('error', () => undefined)
    socket.write('HTTP no')
    await once(socket, 'close')
    expect(await host.stop()).toEqual({ failures: [], left: [] })
  })

  test('fails when a plugin leaves a server behind', async () => {
    let server: ReturnType<typeof createServer> | undefined
    const host = await startPlugin(
      definePlugin({
        config: {},
        async setup() {
          server = createServer().listen(0, '127.0.0.1')
          await once(server, 'listening')
        },
      }),
    )
    await expect(host.stop()).rejects.toThrow(LeakFound)
    server?.close()
  })

  test('fails when a plugin leaves a timer behind', async () => {
    let timer: NodeJS.Timeout | undefined
    const host = await startPlugin(
      definePlugin({ config: {}, setup: () => void (timer = setInterval(() => undefined, 100_000)) }),
    )
    await expect(host.stop()).rejects.toThrow('Timeout')
    clearInterval(timer)
  })

  test('destroys connections that the plugin forgot', async () => {
    const host = await startPlugin(lineAdapter, { manifest })
    const socket = await host.connect({ listener: 'line' })
    socket.on('error', () => undefined)
    const closed = once(socket, 'close')
    expect(await host.stop()).toEqual({ failures: [], left: [] })
    await closed
  })

  test('lets time be moved: a plugin that is not ready is tried again', async () => {
    const clock = createFakeClock()
    let tries = 0
    const plugin = definePlugin({
      config: {},
      setup() {
        tries += 1
        if (tries < 3) throw new NotReady('the line is down')
      },
    })
    const host = await startPlugin(plugin, { clock })
    expect(host.status).toMatchObject({ state: 'retrying', code: 'PLUGIN_NOT_READY', text: 'the line is down' })
    await clock.advance(5_000)
    expect(tries).toBe(2)
    await clock.advance(10_000)
    expect(host.status.state).toBe('running')
    await host.stop()
  })

  test('sessions deliver down and queue commands', async () => {
    const sessions = createFakeSessions()
    const session = await sessions.open({
      protocol: 'x',
      address: 'x',
      encrypted: true,
      credentials: { kind: 'password', username: 'd', password: 'x' },
    })
    const got: string[] = []
    await session.subscribe('devices/d/#', ({ topic }) => void got.push(topic))
    await sessions.opened[0]?.send({ topic: 'devices/d/commands', bytes: 'x' })
    await sessions.opened[0]?.send({ topic: 'devices/e/commands', bytes: 'x' })
    expect(got).toEqual(['devices/d/commands'])
    const taken = session.takeCommands({ waitMs: 10_000, signal: new AbortController().signal })
    sessions.opened[0]?.queueCommand({ id: '1', name: 'reboot' })
    expect(await taken).toEqual([{ id: '1', name: 'reboot' }])
  })

  test('connections are real sockets', async () => {
    const host = await startPlugin(lineAdapter, { manifest })
    const socket = await host.connect({ listener: 'line' })
    expect(socket.remotePort).toBeGreaterThan(0)
    socket.destroy()
    await expect(host.connect({ listener: 'other' })).rejects.toThrow('does not listen')
    await host.stop()
  })
})
