import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'

/** Peers that are slow, silent or stop half-way. They run in a process of their own, so that they slow down nobody who measures. */
export interface SlowPlan {
  port: number
  count: number
  /** They come within this time, evenly. */
  withinMs: number
  /** Conversations, as base64, that stop after their last byte; each peer takes the next one. */
  heads: readonly string[]
  secure: boolean
}

export interface SlowFigures {
  count: number
  /** Those that the server closed. */
  closed: number
  /** From connecting to the server's goodbye, ms; those that are not wholly gone some time later do not count as closed. */
  worstMs: number
  /** The same of those that drip: one time to say what they speak, and another to log in. */
  worstDrippedMs: number
  /** What the slowest one did. */
  worstKind: string
}

/** A peer whose socket the server still has after this has not been closed. */
const giveUpMs = 12_000
const dripEveryMs = 400
const probeEveryMs = 50

const file = fileURLToPath(import.meta.url)

export const runSlowPeers = async (plan: SlowPlan): Promise<SlowFigures> => {
  const child = spawn(process.execPath, [file, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  return JSON.parse(text)
}

/** What a client of TLS says first. */
const recordHello = async (): Promise<Buffer> => {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  client.on('error', () => undefined) // nobody answers it
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}

const drip = (stream: net.Socket, bytes: Buffer): void => {
  let at = 0
  const timer = setInterval(() => {
    if (at >= bytes.length || stream.destroyed) return clearInterval(timer)
    stream.write(bytes.subarray(at, ++at))
  }, dripEveryMs)
}

/** Resolves with the time until the server closed it. */
const bePeer = (plan: SlowPlan, n: number, hello: Buffer): Promise<{ ms: number; kind: string }> =>
  new Promise((resolve) => {
    const fromMs = performance.now()
    // It does not close its side by itself: only a server that is really gone answers what it writes with a reset.
    const socket = net.connect({ port: plan.port, host: '127.0.0.1', allowHalfOpen: true })
    let probe: NodeJS.Timeout | undefined
    let endedMs: number | undefined
    socket.on('end', () => {
      endedMs = performance.now() - fromMs
      probe = setInterval(() => socket.write('x'), probeEveryMs)
    })
    const head = Buffer.from(plan.heads[n % plan.heads.length] ?? '', 'base64')
    const ways = plan.secure
      ? ['silent', 'half a hello', 'a hello', 'a hello', 'head inside TLS', 'silent inside TLS']
      : ['silent', 'head', 'head', 'dripped head']
    const kind = ways[Math.floor(n / plan.heads.length) % ways.length] ?? 'silent'
    const deadline = setTimeout(() => socket.destroy(new Error('not closed')), giveUpMs)
    let failed = false
    socket.on('error', (error) => (failed ||= error.message === 'not closed'))
    socket.resume()
    socket.on('close', () => {
      clearTimeout(deadline)
      clearInterval(probe)
      const ms = failed ? Number.POSITIVE_INFINITY : (endedMs ?? performance.now() - fromMs)
      resolve({ ms, kind: `${kind}: ${head.toString('latin1').slice(0, 40)}` })
    })
    socket.once('connect', () => {
      if (kind === 'head') socket.write(head)
      else if (kind === 'dripped head') drip(socket, head)
      else if (kind === 'half a hello') socket.write(hello.subarray(0, 20))
      else if (kind === 'a hello') socket.write(hello)
      else if (kind.endsWith('inside TLS')) {
        const inner = tls.connect({ socket, servername: 'localhost', rejectUnauthorized: false })
        inner.on('error', () => undefined) // the socket's close tells
        inner.resume()
        inner.on('end', () => inner.destroy())
        if (kind.startsWith('head')) inner.once('secureConnect', () => inner.write(head))
      }
    })
  })

if (process.argv[1] === file) {
  const plan: SlowPlan = JSON.parse(process.argv[2] ?? '')
  const hello = await recordHello()
  const beganMs = performance.now()
  const peers: Promise<{ ms: number; kind: string }>[] = []
  while (peers.length < plan.count) {
    const due = Math.min(plan.count, Math.ceil(((performance.now() - beganMs) / plan.withinMs) * plan.count))
    while (peers.length < due) peers.push(bePeer(plan, peers.length, hello))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const ended = await Promise.all(peers)
  const isDripped = (kind: string) => kind.startsWith('dripped')
  const worst = (some: readonly { ms: number }[]) => Math.round(Math.max(0, ...some.map(({ ms }) => ms)))
  const slowest = ended.filter(({ kind }) => !isDripped(kind)).reduce((a, b) => (b.ms > a.ms ? b : a))
  const closed = ended.filter(({ ms }) => ms !== Number.POSITIVE_INFINITY)
  const figures: SlowFigures = {
    count: ended.length,
    closed: closed.length,
    worstMs: worst(closed.filter(({ kind }) => !isDripped(kind))),
    worstDrippedMs: worst(closed.filter(({ kind }) => isDripped(kind))),
    worstKind: slowest.kind,
  }
  process.stdout.write(JSON.stringify(figures))
}
