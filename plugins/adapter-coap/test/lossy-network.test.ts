import { generate, parse } from 'coap-packet'
import { expect, test, vi } from 'vitest'
import { createFakeSessions, startPlugin } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { createRandom } from './mutated-datagrams.ts'

const device = { id: 'meter-1', secret: 'secret-of-meter-1' }
const messages = 300
const lost = 0.3
const doubled = 0.2
const resendMs = 40

test('with 30 % lost, others doubled and out of order, each message is stored once and acknowledged', async () => {
  const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`coap lossy network: seed ${seed}`)
  const random = createRandom(seed)
  const sessions = createFakeSessions({ devices: { [device.id]: device.secret } })
  const manifest = new URL('../plugin.json', import.meta.url)
  const host = await startPlugin(plugin, { manifest, sessions, config: { port: 0, securePort: 0 } })
  const socket = await host.datagrams.connect()
  /** Lets a datagram pass 0, 1 or 2 times, each after a while of its own. */
  const carry = (pass: () => void) => {
    const copies = random() < lost ? 0 : random() < doubled ? 2 : 1
    for (let copy = 0; copy < copies; copy++) setTimeout(pass, random() * resendMs * 1.5)
  }
  const waiting = new Map<number, Buffer>()
  const text = (name: string, ...values: string[]) => values.map((value) => ({ name, value: Buffer.from(value) }))
  for (let id = 0; id < messages; id++) {
    const options = [
      ...text('Uri-Path', 'devices', device.id, 'telemetry'),
      ...text('Uri-Query', `user=${device.id}`, `pass=${device.secret}`),
    ]
    const payload = Buffer.from(JSON.stringify({ n: id }))
    waiting.set(
      id,
      generate({ code: '0.02', confirmable: true, messageId: id, token: Buffer.from([1]), options, payload }),
    )
  }
  socket.on('message', (bytes) => {
    const answer = parse(bytes)
    carry(() => {
      if (answer.ack && answer.code === '2.04') waiting.delete(answer.messageId)
    })
  })
  let open = true
  const resend = setInterval(() => {
    // A few at a time, as an endpoint would.
    for (const bytes of [...waiting.values()].slice(0, 50)) carry(() => open && socket.send(bytes))
  }, resendMs)
  await vi.waitFor(() => expect(waiting.size).toBe(0), { timeout: 15_000, interval: 20 })
  clearInterval(resend)
  open = false
  const stored = sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())
  expect(stored).toHaveLength(messages)
  expect(new Set(stored).size).toBe(messages)
  socket.close()
  expect(await host.stop()).toEqual({ failures: [], left: [] })
})
