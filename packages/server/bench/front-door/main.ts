import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { parseArgs } from 'node:util'
import { systemClock } from '@patchbay/core/clock'
import { createFrontDoor } from '../../src/front-door/front-door.ts'
import { createSecretBox } from '../../src/settings/secret-box.ts'
import { createTlsContexts } from '../../src/tls/tls-contexts.ts'

const { values } = parseArgs({
  options: { connections: { type: 'string', default: '4000' }, rounds: { type: 'string', default: '7' } },
})
const connections = Number(values.connections)
const rounds = Number(values.rounds)
const atOnce = 16
/** A CONNECT of MQTT 3.1.1, and its answer. */
const hello = Buffer.from('101000044d5154540402003c000464657631', 'hex')
const answer = Buffer.from('20020000', 'hex')
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

const serve = (socket: Duplex) => void socket.on('error', () => socket.destroy()).once('data', () => socket.end(answer))

async function visit(port: number): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.resume()
  socket.end(hello)
  await once(socket, 'close')
}

/** CPU of this process, clients and all, µs a connection. */
async function measure(port: number): Promise<number> {
  const before = process.cpuUsage()
  let left = connections
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await visit(port)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / connections
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

const plain = createServer({ allowHalfOpen: true }, serve)
plain.listen(0, '127.0.0.1')
await once(plain, 'listening')
const data = await mkdtemp(join(tmpdir(), 'patchbay-door-'))
const box = createSecretBox(randomBytes(32))
const tls = await createTlsContexts({ data, host: '127.0.0.1', box, clock: systemClock, log: silent })
const door = createFrontDoor({
  tls,
  host: '127.0.0.1',
  clock: systemClock,
  log: silent,
  onHttp: (socket) => socket.destroy(),
  permitsPlain: () => true,
  recordRefusal: () => undefined,
})
door.register(
  'mqtt',
  (bytes) => (bytes[0] === 0x10 ? 'mine' : 'no'),
  ({ socket }) => serve(socket),
)
await door.listen({ name: 'bench', port: 0, tls: 'never' })
const through = door.listeners()[0]?.port ?? 0
const address = plain.address()
const direct = typeof address === 'object' ? (address?.port ?? 0) : 0
const taken: Record<'direct' | 'through', number[]> = { direct: [], through: [] }
for (let round = 0; round <= rounds; round++) {
  const [one, other] = [await measure(direct), await measure(through)]
  // The first only warms up.
  if (round === 0) continue
  taken.direct.push(one)
  taken.through.push(other)
}
const [own, hop] = [median(taken.direct), median(taken.through)]
process.stdout.write(
  `${connections} connections, client and server in one process, medians of ${rounds} rounds in turn
plain server: ${own.toFixed(1)} µs CPU a connection; through the front door: ${hop.toFixed(1)} (+ ${(hop - own).toFixed(1)})\n`,
)
await door.close(100)
plain.close()
tls.close()
await rm(data, { recursive: true })
