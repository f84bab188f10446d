import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { writeStranger } from '../../test/apart.ts'
import large from '../../test/fixtures/large-http.ts'
import { createWorld, type World } from '../../test/world.ts'
import { maxAnswerBytes, maxBodyBytes, maxHeldBytes } from './http-carry.ts'

const fixture = new URL('../../test/fixtures/large-http.ts', import.meta.url)
const mebibyte = 1024 * 1024
const tooLargeBytes = 50 * 1000 * 1000
/** Of the host, while 50 MB come: what lies in its sockets, and nothing near what came. */
const maxGrownBytes = 16 * mebibyte
const patience = { timeout: 15_000, interval: 20 }
/** What was read and dropped again is held by nobody. */
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const piece = Buffer.alloc(64 * 1024, 'x')

const portOf = (server: Server): number => {
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the server does not listen')
  return address.port
}
const statusIn = (text: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])
const problemIn = (text: string): unknown => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))

describe.for(['worker', 'process'] as const)('HTTP of a plugin at %s level', (level) => {
  let world: World
  let server: Server
  let url: string
  beforeAll(async () => {
    world = await createWorld({
      write: async (root) => [
        await writeStranger(root, fixture, large, 'large', {
          isolation: { least: level, memoryMb: 128 },
          contributes: { http: [{ prefix: '/x/large', auth: 'own' }] },
          limits: { startMs: 20_000, stopMs: 2_000 },
        }),
      ],
    })
    await world.host.start()
    await world.host.put('large', 'default', { config: {} })
    server = createServer((request, response) => {
      if (!world.dispatcher.handle(request, response)) response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${portOf(server)}/x/large`
  }, 60_000)
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await world.close()
  })

  /** Sends a head and says what comes back; what follows it is the caller's. */
  const open = (head: string): { socket: Socket; answer: () => string; closed: Promise<void> } => {
    const socket = connect(portOf(server), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('error', () => undefined) // The host does not read on: `close` follows.
    socket.write(`POST /x/large/body HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\n${head}\r\n\r\n`)
    return { socket, answer: () => text, closed: new Promise((resolve) => void socket.once('close', () => resolve())) }
  }

  test.each([
    ['that says its length', `content-length: ${tooLargeBytes}`, false],
    ['that does not say how much it is', 'transfer-encoding: chunked', true],
  ])('refuses a body of 50 MB %s, and does not hold it', async (_what, head, chunked) => {
    const held = (): number => {
      collectGarbage()
      return process.memoryUsage().arrayBuffers
    }
    const before = held()
    let most = 0
    const { socket, answer, closed } = open(head)
    // All of it, though the answer is there before: what the host does not take it must not keep.
    for (let sent = 0; sent < tooLargeBytes && !socket.destroyed; sent += piece.length) {
      if (chunked) socket.write(`${piece.length.toString(16)}\r\n`)
      const goesOn = socket.write(piece)
      if (chunked) socket.write('\r\n')
      if (sent % (80 * piece.length) === 0) most = Math.max(most, held() - before)
      if (!goesOn) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
    }
    await vi.waitFor(() => expect(answer()).toContain('}'))
    socket.destroy()
    expect(statusIn(answer())).toBe(413)
    expect(problemIn(answer())).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      detail: `The body is larger than this path takes: ${maxBodyBytes} bytes.`,
    })
    console.log(`${level}: 50 MB refused, the host held ${(most / mebibyte).toFixed(1)} MiB more`)
    expect(most).toBeLessThan(maxGrownBytes)
    expect(world.host.instance('large', 'default').status.state).toBe('running')
  })

  test('takes a body of the limit itself', async () => {
    const answer = await fetch(`${url}/body`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(maxBodyBytes),
    })
    expect([answer.status, await answer.json()]).toEqual([200, { bytes: maxBodyBytes }])
  })

  test('holds so much of bodies at most: one more is refused, and the others are answered', async () => {
    const fits = maxHeldBytes / maxBodyBytes
    const all = Array.from({ length: fits + 1 }, () => open(`content-length: ${maxBodyBytes}`))
    // All but one byte of each.
    for (const { socket } of all) socket.write(Buffer.alloc(maxBodyBytes - 1))
    const answered = () => all.filter(({ answer }) => answer().includes('}'))
    await vi.waitFor(() => expect(answered()).toHaveLength(1), patience)
    const [refused] = answered()
    expect(statusIn(refused?.answer() ?? '')).toBe(503)
    expect(refused?.answer()).toMatch(/\r\nretry-after: 1\r\n/i)
    expect(problemIn(refused?.answer() ?? '')).toMatchObject({ code: 'INSTANCE_BUSY' })
    // What has no body is answered all the same.
    expect((await fetch(`${url}/made`)).status).toBe(200)
    for (const { socket } of all) socket.write('x')
    await vi.waitFor(() => expect(answered()).toHaveLength(fits + 1), patience)
    expect(all.filter(({ answer }) => statusIn(answer()) === 200)).toHaveLength(fits)
    for (const { socket } of all) socket.destroy()
  })

  test('gives an answer of the limit itself, and refuses a larger one by its code', async () => {
    const ask = (path: string, bytes: number) => fetch(`${url}/${path}?bytes=${bytes}`)
    for (const path of ['whole', 'stream']) {
      expect((await (await ask(path, maxAnswerBytes)).arrayBuffer()).byteLength).toBe(maxAnswerBytes)
      const refused = await ask(path, tooLargeBytes)
      expect([refused.status, await refused.json()]).toEqual([
        500,
        expect.objectContaining({
          code: 'PLUGIN_ANSWER_TOO_LARGE',
          detail: `The answer of the plugin has more than ${maxAnswerBytes} bytes.`,
        }),
      ])
    }
    // A stream is not even made further than that.
    const { made }: any = await (await ask('made', 0)).json()
    expect(made * piece.length).toBeLessThan(2 * maxAnswerBytes + 2 * mebibyte)
    expect(world.host.instance('large', 'default').status.state).toBe('running')
  })
})
