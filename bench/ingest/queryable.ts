import { connect } from 'node:net'
import type { Crew } from '../load/crew.ts'
import { createLatencies, type Latencies, record } from '../load/latencies.ts'
import { type Login, toConnect, toPublish } from '../load/wire.ts'
import type { Case } from './round.ts'
import type { Target } from './targets/target.ts'

/** A value that cannot be read after this long counts as this. */
const seenTimeoutMs = 5000
const connectTimeoutMs = 10_000
/** Between two probes, so that they do not fall into step with a group or a flush. */
const gapMs = 7
const keepAliveSeconds = 600

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** From the write of a PUBLISH to the first answer of a query that holds its value, while others publish too. */
export async function timeQueryable(
  target: Target,
  crew: Crew,
  login: Login,
  { kind, qos }: Case,
  load: { perSecond: number; seconds: number },
): Promise<Latencies | undefined> {
  const { newest } = target
  if (!newest) return undefined
  const latencies = createLatencies()
  const socket = await logIn(target, login)
  try {
    const sending = crew.send({ kind, qos, perSecond: load.perSecond, ms: load.seconds * 1000 })
    const until = performance.now() + load.seconds * 1000
    // The values of one run grow over all its rounds.
    for (let value = Math.floor(Date.now() / 1000) % 100_000_000; performance.now() < until; value++) {
      const began = performance.now()
      socket.write(toPublish(`sensors/${login.id}/probe`, String(value), 0).bytes)
      while (performance.now() - began < seenTimeoutMs && ((await newest(login.id)) ?? -1) < value);
      record(latencies, (performance.now() - began) * 1000)
      await pause(gapMs + Math.random() * gapMs)
    }
    await sending
  } finally {
    socket.destroy()
  }
  return latencies
}

async function logIn({ host, port }: Target, login: Login) {
  const socket = connect({ host, port, noDelay: true })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const late = setTimeout(() => reject(new Error('the probe was not let in')), connectTimeoutMs)
  socket.once('data', () => resolve())
  socket.once('error', reject)
  socket.write(toConnect(login, keepAliveSeconds))
  await promise.finally(() => clearTimeout(late))
  socket.resume()
  return socket
}
