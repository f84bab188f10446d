import { createLatencies, type Latencies, record } from './latencies.ts'
import { LoadClient } from './load-client.ts'
import type { Answer, Order, Sent } from './orders.ts'
import type { Login } from './wire.ts'

/** A process of its own that is many devices: what it costs must not be counted as the server's. */

/** Logins under way at once. */
const connectWidth = 50
const tickMs = 2
/** After a pause of the machine at most this much is made up for: a burst would measure something else. */
const catchUpMs = 50
const answersTimeoutMs = 20_000
const lookEveryMs = 20

const clients: LoadClient[] = []
let latencies: Latencies = createLatencies()

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function connectAll(host: string, port: number, logins: readonly Login[]): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let login = logins[next++]; login !== undefined; login = logins[next++]) {
      clients.push(await LoadClient.open(host, port, login, (micros) => record(latencies, micros)))
    }
  }
  await Promise.all(Array.from({ length: connectWidth }, worker))
}

const unanswered = (): number => clients.reduce((sum, client) => sum + client.unanswered, 0)

async function send({ kind, qos, perSecond, ms }: Extract<Order, { do: 'send' }>): Promise<Sent> {
  for (const client of clients) client.prepare(kind, qos)
  latencies = createLatencies()
  let messages = 0
  let heldBack = 0
  let turn = 0
  let due = 0
  const began = performance.now()
  for (let last = began, now = began; now - began < ms; now = performance.now()) {
    due += (Math.min(now - last, catchUpMs) / 1000) * perSecond
    last = now
    const many = Math.floor(due)
    due -= many
    for (let i = 0; i < many; i++) {
      if (clients[turn++ % clients.length]?.send(performance.now() * 1000) === true) messages++
      else heldBack++
    }
    await pause(tickMs)
  }
  const until = performance.now() + answersTimeoutMs
  while (unanswered() > 0 && performance.now() < until) await pause(lookEveryMs)
  const lost = clients.filter((client) => client.lost).length
  return { messages, heldBack, unanswered: unanswered(), lost, latencies }
}

async function obey(order: Order): Promise<Answer> {
  if (order.do === 'connect') {
    await connectAll(order.host, order.port, order.logins)
    return { did: 'connect' }
  }
  if (order.do === 'send') return { did: 'send', sent: await send(order) }
  for (const client of clients.splice(0)) client.close()
  return { did: 'close' }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ did: 'fail', why: error instanceof Error ? error.message : String(error) }),
  )
})
// The bench is gone: so is the reason to be here.
process.once('disconnect', () => process.exit())
