import { cpuMicros } from '../host/usage.ts'
import type { Patchbay } from '../host/patchbay.ts'
import { createLatencies, percentileMs, record } from '../load/latencies.ts'
import type { Login } from '../load/wire.ts'
import type { Cluster } from './contenders.ts'
import type { StoresOptions } from './options.ts'
import { createSpreadCrew, type SpreadCrew } from './spread-crew.ts'

export interface Turn {
  messagesPerSecond: number
  ackP50Ms: number | undefined
  ackP99Ms: number | undefined
  /** Of all nodes; what the database costs is not in it. */
  cpuMicrosPerMessage: number
  queryP50Ms: number | undefined
  bytesPerPoint: number | undefined
  troubles: string[]
}

const LOOK_EVERY_MS = 500
/** What is sealed in the background has that long to come to rest. */
const REST_LOOKS = 4

export interface Player {
  play(options: StoresOptions): Promise<Turn>
  stop(): Promise<void>
}

/** Keeps a cluster and its devices for all its turns. */
export async function createPlayer(cluster: Cluster, clients: number): Promise<Player> {
  const { nodes } = cluster
  const [first] = nodes
  if (!first) throw new Error('no node')
  const ids = Array.from({ length: clients }, (_, i) => `bench-${String(i).padStart(5, '0')}`)
  const logins = await first.addDevices(ids)
  return {
    async play(options) {
      const crew = createSpreadCrew(
        nodes.map(({ port }) => port),
        options.processes,
      )
      try {
        await crew.connect(logins)
        const ingest = await measureIngest(crew, nodes, options)
        await crew.close()
        const query = createLatencies()
        for (let i = 0; i < options.queries; i++) await timeQuery(nodes, logins, i, query)
        return { ...ingest, queryP50Ms: percentileMs(query, 50), bytesPerPoint: await bytesPerPoint(first) }
      } finally {
        crew.end()
      }
    },
    stop: () => cluster.stop(),
  }
}

async function measureIngest(
  crew: SpreadCrew,
  nodes: readonly Patchbay[],
  { seconds, warmUpSeconds, fullRate, steadyRate }: StoresOptions,
): Promise<Omit<Turn, 'queryP50Ms' | 'bytesPerPoint'>> {
  const what = { kind: 'json', qos: 1 } as const
  await crew.send({ ...what, perSecond: steadyRate, ms: warmUpSeconds * 1000 })
  const cpuOf = (): number => nodes.reduce((sum, { program }) => sum + cpuMicros(program.pid), 0)
  const cpuBefore = cpuOf()
  const steady = await crew.send({ ...what, perSecond: steadyRate, ms: seconds * 1000 })
  const cpu = cpuOf() - cpuBefore
  const began = performance.now()
  const full = await crew.send({ ...what, perSecond: fullRate, ms: seconds * 1000 })
  // The last acknowledgements may come after the last message: they are waited for.
  const tookSeconds = (performance.now() - began) / 1000
  const troubles: string[] = []
  for (const [name, { lost, unanswered }] of [['steady', steady] as const, ['full', full] as const]) {
    if (lost > 0) troubles.push(`${name}: ${lost} connections lost`)
    if (unanswered > 0) troubles.push(`${name}: ${unanswered} messages not acknowledged`)
  }
  if (steady.heldBack > steady.messages / 100) troubles.push(`steady: ${steady.heldBack} messages held back`)
  return {
    messagesPerSecond: full.messages / tookSeconds,
    ackP50Ms: percentileMs(steady.latencies, 50),
    ackP99Ms: percentileMs(steady.latencies, 99),
    cpuMicrosPerMessage: cpu / steady.messages,
    troubles,
  }
}

async function timeQuery(
  nodes: readonly Patchbay[],
  logins: readonly Login[],
  at: number,
  into: number[],
): Promise<void> {
  const [node, login] = [nodes[at % nodes.length], logins[at % logins.length]]
  if (!node || !login) return
  const from = Date.now() - 3_600_000
  const began = performance.now()
  await node.get(`/api/v1/devices/${login.id}/telemetry?from=${from}&to=${Date.now()}&points=300`)
  record(into, (performance.now() - began) * 1000)
}

/** Once the store has come to rest. */
async function bytesPerPoint(node: Patchbay): Promise<number | undefined> {
  let last = Number.NaN
  for (let same = 0; same < REST_LOOKS;) {
    const storage = await node.get('/api/v1/system/storage')
    const telemetry: unknown = isRecord(storage) ? storage['telemetry'] : undefined
    if (!isRecord(telemetry)) return undefined
    const { bytes, points } = telemetry
    if (typeof bytes !== 'number' || typeof points !== 'number' || points === 0) return undefined
    const now = bytes / points
    same = now === last ? same + 1 : 0
    last = now
    if (same < REST_LOOKS) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  return last
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
