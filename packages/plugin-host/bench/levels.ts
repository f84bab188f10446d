// `npm run bench:plugins`: what a reading of a plugin costs at each level of isolation, up to the platform's own code, and what an instance
// holds, alone and with 99 others.
import { readdirSync, readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import { writeStranger } from '../test/apart.ts'
import pump from '../test/fixtures/pump.ts'
import { createWorld, manifestOf, type World } from '../test/world.ts'

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    instances: { type: 'string', default: '100' },
    'in-flight': { type: 'string', default: '500' },
  },
})
const levels = ['host', 'worker', 'process'] as const
type Level = (typeof levels)[number]
const fixture = new URL('../test/fixtures/pump.ts', import.meta.url)
const warmUpMs = 1_000
/** Of Linux, as sysconf(_SC_CLK_TCK) says on every platform that Node is built for. */
const microsPerTick = 10_000
const mib = 2 ** 20

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN
const orNothing = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended meanwhile
  }
}
const statOf = (pid: number | string): string[] => orNothing(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
const family = (): string[] => [
  String(process.pid),
  ...readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && statOf(pid)[1] === String(process.pid)),
]
const cpuMicros = (): number =>
  family().reduce((sum, pid) => sum + (Number(statOf(pid)[11] ?? 0) + Number(statOf(pid)[12] ?? 0)) * microsPerTick, 0)
/** Memory of this process and its children; what they share is counted once. */
const heldMb = (): number =>
  family().reduce((sum, pid) => {
    const kib = Number(/^Pss:\s+(\d+) kB$/m.exec(orNothing(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
    return sum + (kib * 1024) / mib
  }, 0)

let taken = 0
let waiting: (() => void)[] = []
/**
 * Stands for the store, which syncs in groups: what came meanwhile is answered together. With 500 under way that is 83,000 readings a second at
 * most, below what a plugin that runs apart is slowed down to (100,000 messages a second).
 */
const commitMs = 6
const commit = (): void => {
  const done = waiting
  waiting = []
  for (const settle of done) settle()
}
const publishFor = (): Promise<void> => {
  taken += 1
  if (waiting.length === 0) setTimeout(commit, commitMs)
  return new Promise((resolve) => void waiting.push(resolve))
}

const open = async (level: Level): Promise<World> => {
  const manifest = {
    contributes: { sources: [{ name: 'pump', title: 'Pump' }] },
    needs: { services: ['sessions'] },
    isolation: { least: level },
    limits: { startMs: 60_000, stopMs: 20_000 },
    instances: 'many' as const,
  }
  const world = await createWorld({
    ...(level === 'host' ? { packages: [[pump, manifestOf('pump', manifest)]] } : {}),
    ...(level === 'host'
      ? {}
      : { write: async (root) => [await writeStranger(root, fixture, pump, 'pump', manifest)] }),
    services: () => ({
      sessions: {
        open: () => Promise.reject(new TypeError('no device here')),
        refuse: () => undefined,
        publishFor,
        relay: () => undefined,
      },
      messages: { publish: async () => undefined },
      preSharedKeys: async () => [],
      shared: undefined,
      match: () => undefined,
      listen: () => undefined,
      matchUdp: () => undefined,
      listenUdp: () => undefined,
    }),
  })
  await world.host.start()
  return world
}

interface Figures {
  micros: number
  rate: number
}
const flow = async (level: Level): Promise<Figures> => {
  const world = await open(level)
  await world.host.put('pump', 'one', { config: { inFlight: Number(given['in-flight']) } })
  await pause(warmUpMs)
  const [cpu, before, fromMs] = [cpuMicros(), taken, performance.now()]
  await pause(Number(given.seconds) * 1000)
  const count = taken - before
  const { state, text } = world.host.instance('pump', 'one').status
  if (state !== 'running') throw new Error(`at level ${level} the instance is ${state}: ${text}`)
  return closeWith(world, {
    micros: (cpuMicros() - cpu) / count,
    rate: (count * 1000) / (performance.now() - fromMs),
  })
}
const closeWith = async <T>(world: World, value: T): Promise<T> => {
  await world.close()
  return value
}
const crowd = async (level: Level): Promise<{ mb: number; startMs: number; stopMs: number }> => {
  const world = await open(level)
  const instances = Number(given.instances)
  const before = heldMb()
  const fromMs = performance.now()
  await Promise.all(Array.from({ length: instances }, (_, at) => world.host.put('pump', `i${at}`, { config: {} })))
  const running = world.host.instances('pump').filter(({ state }) => state === 'running').length
  if (running !== instances) throw new Error(`only ${running} of ${instances} run at level ${level}`)
  const startMs = performance.now() - fromMs
  const mb = (heldMb() - before) / instances
  const stopFromMs = performance.now()
  await world.close()
  return { mb, startMs, stopMs: performance.now() - stopFromMs }
}

enableCompileCache()
const flows = new Map<Level, Figures[]>()
for (let round = 0; round < Number(given.rounds); round += 1)
  for (const level of levels) flows.set(level, [...(flows.get(level) ?? []), await flow(level)])
const lines = [
  '| level | CPU µs/reading | readings/s | MB an instance | 100 at once, started | stopped |',
  '| - | - | - | - | - | - |',
]
for (const level of levels) {
  const { mb, startMs, stopMs } = await crowd(level)
  const of = flows.get(level) ?? []
  lines.push(
    `| ${level} | ${median(of.map(({ micros }) => micros)).toFixed(1)} | ${median(of.map(({ rate }) => rate)).toFixed(0)} | ` +
      `${mb.toFixed(1)} | ${(startMs / 1000).toFixed(1)} s | ${(stopMs / 1000).toFixed(1)} s |`,
  )
}
process.stdout.write(`${lines.join('\n')}\n`)
