// What one message costs from `topic.push` to its settle, without protocol and disk: `node packages/core/test/push-cost.ts`.
import { systemClock } from '../src/clock.ts'
import { createSessionHub } from '../src/sessions/hub.ts'
import { createMemoryRegistry } from './memory-registry.ts'
import { createMemoryTelemetry } from './memory-telemetry.ts'

const rounds = 15
const messages = 100_000
const inFlight = 1000

const telemetry = { ...createMemoryTelemetry(), append: async () => 0 }
const hub = createSessionHub({
  authenticator: {
    authenticate: async () => ({
      subject: { kind: 'device', id: 'd', type: 'default', tags: [] },
      credential: 'c',
    }),
  },
  authoriser: {
    decide: () => ({ allowed: true, step: 'built-in', detail: '' }),
    decideWithProviders: async () => ({ allowed: true, step: 'built-in', detail: '' }),
    hasProviders: false,
    generation: 0,
  },
  registry: createMemoryRegistry(),
  telemetry,
  presence: { alive: () => {}, sessionOpened: () => {}, sessionClosed: () => {} },
  refusals: { record: () => {} },
  clock: systemClock,
  randomId: () => 'id',
})
await hub.start()
const session = await hub.open({
  protocol: 'test',
  address: '::1',
  encrypted: true,
  credentials: { kind: 'password', username: 'd', password: 'd' },
})

const run = async (name: string, payload: Buffer): Promise<void> => {
  const topic = session.topic(name)
  for (let sent = 0; sent < messages; sent += inFlight) {
    await new Promise<void>((resolve) => {
      let open = inFlight
      const settle = () => void (--open === 0 && resolve())
      for (let i = 0; i < inFlight; i++) topic.push(payload, {}, settle)
    })
  }
}

// The platform's timers keep no process alive.
const awake = setInterval(() => {}, 1000)

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0

const cases = [
  ['sensors/d/temperature', Buffer.from('21.5')],
  ['devices/d/telemetry', Buffer.from('{"temperature":21.5,"humidity":40,"state":"open"}')],
] as const
for (const [name, payload] of cases) {
  const costs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    await run(name, payload)
    const used = process.cpuUsage(before)
    costs.push(((used.user + used.system) * 1000) / messages)
  }
  console.log(`${name}: ${median(costs).toFixed(0)} ns CPU per message (lowest ${Math.min(...costs).toFixed(0)})`)
}
await hub.close()
clearInterval(awake)
