import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { createApi } from './api.ts'
import { createRandom, isLong } from './random.ts'
import type { ServerProcess } from './server-process.ts'

export interface FuzzPlan {
  name: string
  server: ServerProcess
  /** A well-formed conversation of a client, frame by frame, the login first. */
  frames: readonly Buffer[]
  /** One message of a client that behaves, which resolves when it is acknowledged. */
  wellBehaved: () => Promise<void>
}

/** In `npm test` it is a taste; the long form is what a release stands on. */
const mutatedFrames = isLong ? 300_000 : 1_500
const lanes = isLong ? 16 : 4
/** The longest that a client which behaves may wait meanwhile, at the 99th percentile; in the short form a start is in it. */
const p99LimitMs = isLong ? 250 : 1_000

type Random = { next: () => number }
const below = (random: Random, n: number): number => Math.floor(random.next() * n)

/** One frame with bytes changed, cut, doubled, inserted or replaced by a length that announces much. */
function mutate(frame: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame)
  const at = below(random, Math.max(bytes.length, 1))
  switch (below(random, 7)) {
    case 0:
      if (bytes.length > 0) bytes[at] = below(random, 256)
      return bytes
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(random, 1 + below(random, 20)), bytes.subarray(at)])
    case 4:
      for (let i = at; i < Math.min(at + 4, bytes.length); i++) bytes[i] = 0xff
      return bytes
    case 5:
      if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
      return bytes
    default:
      return randomBytes(random, below(random, 64))
  }
}
const randomBytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => below(random, 256)))

/** One connection: some of the conversation as it should be, then mutated frames. Answers how many of those it sent. */
async function converse(port: number, frames: readonly Buffer[], random: Random): Promise<number> {
  const good = below(random, frames.length + 1)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined) // a reset is a way of being refused
  socket.resume()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let sent = 0
  socket.write(Buffer.concat(frames.slice(0, good)))
  for (let turn = 0; turn < 8 && !socket.destroyed; turn++) {
    const which = below(random, 3) === 0 ? below(random, frames.length) : Math.min(good + turn, frames.length - 1)
    const frame = frames[which]
    if (frame) socket.write(mutate(frame, random))
    sent++
    if (turn % 3 === 2) await new Promise(setImmediate)
  }
  // Half of them wait to be answered; the others are gone in the middle of it.
  if (below(random, 2) === 0) socket.end()
  else socket.destroySoon()
  const timer = setTimeout(() => socket.destroy(), 200)
  await closed
  clearTimeout(timer)
  return sent
}

const rssKib = async (pid: number | undefined): Promise<number> =>
  Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

export interface FuzzFigures {
  frames: number
  /** Of the client that behaves, ms. */
  p99Ms: number
  /** What the server logged as an error, unhandled rejections among it. */
  errors: string[]
  /** Memory of the server after by that before. */
  growth: number
}

/** Mutated frames over real sockets, while a client that behaves is served. */
export async function fuzzWire({ name, server, frames, wellBehaved }: FuzzPlan): Promise<FuzzFigures> {
  const random = createRandom(name)
  await wellBehaved()
  let before = 0
  const latencies: number[] = []
  let sent = 0
  const over = new AbortController()
  const behaving = (async () => {
    while (!over.signal.aborted) {
      const fromMs = performance.now()
      await wellBehaved()
      latencies.push(performance.now() - fromMs)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })()
  // Whoever behaves and is harmed ends the run, which then says what happened to him and when.
  behaving.catch((error: unknown) => {
    console.log(`${name}: the client that behaves failed after ${sent} mutated frames: ${String(error)}`)
    over.abort()
  })
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (sent < mutatedFrames && !over.signal.aborted) {
        sent += await converse(server.port, frames, random)
        // By then everything has been loaded, and been compiled that will be.
        if (before === 0 && sent > mutatedFrames / 5) before = await rssKib(server.child.pid)
      }
    }),
  )
  over.abort()
  await behaving
  await wellBehaved()
  const { status } = await createApi(server.url).get('/readyz')
  if (status !== 200) throw new Error(`not ready any more: ${status}`)
  latencies.sort((a, b) => a - b)
  const figures = {
    frames: sent,
    p99Ms: percentile(latencies, 0.99),
    errors: server
      .output()
      .split('\n')
      .filter((line) => /"level":(50|60)/.test(line)),
    growth: (await rssKib(server.child.pid)) / before,
  }
  console.log(
    `${name}: ${sent} mutated frames, seed ${random.seed}, others p50 ${percentile(latencies, 0.5).toFixed(1)} ms, ` +
      `p99 ${figures.p99Ms.toFixed(1)} ms (limit ${p99LimitMs}), memory × ${figures.growth.toFixed(2)}, ` +
      `errors ${figures.errors.length}`,
  )
  return figures
}
export { p99LimitMs }
