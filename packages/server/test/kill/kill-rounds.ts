import { setTimeout as wait } from 'node:timers/promises'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import type { Load } from '../harness/mqtt-load.ts'
import { createRandom } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

/** What is there when all kills are over and the server runs again. */
export interface KillRun {
  api: Api
  /** The data folder. */
  data: string
  devices: readonly TestDevice[]
  /** What was acknowledged to each of them. */
  acked: readonly (readonly number[])[]
}

export interface KillPlan {
  name: string
  rounds: number
  devices: number
  env?: Record<string, string>
  /** Waits until the protocol is spoken: on a busy machine a plugin may start after the one port listens. */
  ready?(port: number): Promise<void>
  start(port: number, device: TestDevice, from: number): Load
  /** Before the first load. */
  prepare?(api: Api): Promise<void>
  /** Looked at after the last kill. */
  check?(run: KillRun): Promise<void>
}

export interface KillFigures {
  acknowledged: number
  missing: number
  doubled: number
  startMs: { first: number; worst: number }
}

/** Time after the load began at which the kill falls, ms: long enough for acknowledgements, short enough for many rounds. */
const killBetweenMs = { least: 150, most: 700 }

/** Every device publishes, the server is killed with -9 at a random moment and started again on the same data, and so on; then all is read back. */
export const runKillRounds = async (plan: KillPlan): Promise<KillFigures> => {
  const random = createRandom(plan.name)
  const env = plan.env ?? {}
  const data = await makeDataFolder()
  try {
    let server = await startServer({ data: data.path, env })
    const devices: TestDevice[] = []
    for (let i = 0; i < plan.devices; i++) devices.push(await createDevice(createApi(server.url), `dev-${i}`))
    await plan.prepare?.(createApi(server.url))
    const acked = devices.map((): number[] => [])
    const next = devices.map(() => 0)
    const startMs = { first: server.startMs, worst: 0 }
    for (let round = 0; round < plan.rounds; round++) {
      if (round > 0) server = await startServer({ data: data.path, env })
      startMs.worst = Math.max(startMs.worst, server.startMs)
      await plan.ready?.(server.port)
      const loads = devices.map((device, i) => plan.start(server.port, device, next[i] ?? 0))
      await Promise.all(loads.map((load) => load.begun))
      await wait(killBetweenMs.least + random.next() * (killBetweenMs.most - killBetweenMs.least))
      await server.kill()
      await Promise.all(loads.map((load) => load.ended))
      loads.forEach((load, i) => {
        acked[i]!.push(...load.acked)
        next[i] = load.next
      })
    }
    server = await startServer({ data: data.path, env })
    let missing = 0
    let doubled = 0
    for (const [i, device] of devices.entries()) {
      const stored = (await readAll(createApi(server.url), device.id, 'n')).map((point) => point.value)
      const present = new Set(stored)
      doubled += stored.length - present.size
      for (const n of acked[i]!) if (!present.has(n)) missing++
    }
    await plan.check?.({ api: createApi(server.url), data: data.path, devices, acked })
    await server.stop()
    const acknowledged = acked.reduce((sum, list) => sum + list.length, 0)
    console.log(
      `${plan.name}: ${plan.rounds} × kill -9, acknowledged ${acknowledged}, missing ${missing}, doubled ${doubled}, ` +
        `start worst ${Math.round(startMs.worst)} ms, seed ${random.seed}`,
    )
    return { acknowledged, missing, doubled, startMs }
  } finally {
    await data.remove()
  }
}
