import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createApi, createDevice, readAll } from '../harness/api.ts'
import { openBreakableLink } from '../harness/breakable-link.ts'
import { noMongo, openDatabase, type TestDatabase } from '../harness/mongo-server.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { noReplicaSet, openReplicaSet, replicaSetUrl } from '../harness/replica-set.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'
import { startSteadyMqtt } from '../harness/steady-mqtt.ts'

const devices = 8
const perSecond = 2000
const betweenMs = { least: 500, most: 1500 }
const awayMs = 500
const longAwayMs = isLong ? 30_000 : 5_000
const cuts = isLong ? 20 : 2
const elections = isLong ? 20 : 4
const caughtUpLimitMs = 60_000
/** What may wait for a MongoDB that is away is bounded by name; this is that with all that its objects cost. */
const growthLimitMiB = 200

/** Commands that kill -9 the server behind MONGODB_URL, and start it again on the same data and port. */
const killCommand = process.env['MONGODB_KILL']
const startCommand = process.env['MONGODB_START']
const noKill = noMongo ?? (killCommand && startCommand ? undefined : 'skipped, no MONGODB_KILL and MONGODB_START')
const run = (command: string) => promisify(execFile)('/bin/sh', ['-c', command], { timeout: 300_000 })

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024

interface Outage {
  name: string
  url: string
  rounds: number
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

/** Steady load, MongoDB away `rounds` times for a moment and once for long; then all is read back. */
const runOutages = async ({ name, url, rounds, begin, end }: Outage): Promise<void> => {
  const random = createRandom(name)
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path, env: { MONGODB_URL: url } })
  try {
    const made = []
    for (let i = 0; i < devices; i++) made.push(await createDevice(createApi(server.url), `dev-${i}`))
    const baseMs = Date.now() - 86_400_000
    const loads = made.map((device) => startSteadyMqtt(server.port, device, { perSecond: perSecond / devices, baseMs }))
    /** Every device has had something acknowledged that it sent after this call. */
    const untilAcked = async (): Promise<number> => {
      const from = performance.now()
      const sent = loads.map((load) => load.sent)
      await vi.waitFor(
        () => {
          for (const [i, load] of loads.entries()) expect(load.acked.at(-1) ?? -1).toBeGreaterThanOrEqual(sent[i]!)
        },
        { timeout: caughtUpLimitMs, interval: 50 },
      )
      return performance.now() - from
    }
    await untilAcked()
    await wait(1000)
    const before = residentMiB(server.child.pid!)
    let most = before
    const watch = setInterval(() => (most = Math.max(most, residentMiB(server.child.pid!))), 100)
    const resumedMs: number[] = []
    try {
      for (let round = 0; round <= rounds; round++) {
        await wait(betweenMs.least + random.next() * (betweenMs.most - betweenMs.least))
        await begin()
        await wait(round === rounds ? longAwayMs : awayMs)
        await end()
        resumedMs.push(await untilAcked())
      }
    } finally {
      clearInterval(watch)
    }
    await Promise.all(loads.map((load) => load.stop()))
    let missing = 0
    let doubled = 0
    for (const [i, device] of made.entries()) {
      const stored = (await readAll(createApi(server.url), device.id, 'n')).map((point) => point.value)
      const present = new Set(stored)
      doubled += stored.length - present.size
      for (const n of loads[i]!.acked) if (!present.has(n)) missing++
    }
    const acknowledged = loads.reduce((sum, load) => sum + load.acked.length, 0)
    const sent = loads.reduce((sum, load) => sum + load.sent, 0)
    console.log(
      `${name}: ${rounds} × ${awayMs} ms and once ${longAwayMs / 1000} s, sent ${sent}, acknowledged ${acknowledged}, missing ${missing}, ` +
        `doubled ${doubled}, acknowledged again after at most ${Math.round(Math.max(...resumedMs))} ms, memory ${Math.round(before)} MiB, ` +
        `at most ${Math.round(most)} MiB, seed ${random.seed}`,
    )
    expect(acknowledged).toBeGreaterThan(rounds * 500)
    expect(missing).toBe(0)
    expect(doubled).toBe(0)
    expect(most - before).toBeLessThan(growthLimitMiB)
    expect((await server.stop()).code).toBe(0)
  } catch (error) {
    console.log(server.output().slice(-4000))
    throw error
  } finally {
    await server.kill()
    await data.remove()
  }
}

describe.skipIf(noMongo !== undefined)(`MongoDB that goes away${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await openDatabase()
  })
  afterEach(() => database?.drop())

  test(
    `nothing acknowledged is lost by ${cuts} × a cut connection and ${longAwayMs / 1000} s without one, at ${perSecond} messages/s`,
    { timeout: 120_000 + cuts * 20_000 + longAwayMs },
    async () => {
      const url = new URL(database.url.replace(/^mongodb:/, 'http:'))
      const link = await openBreakableLink({ host: url.hostname, port: Number(url.port || 27_017) })
      url.host = `127.0.0.1:${link.port}`
      // The server would name its own address otherwise, and be asked there.
      url.searchParams.set('directConnection', 'true')
      try {
        await runOutages({
          name: 'mongodb cut off',
          url: url.href.replace(/^http:/, 'mongodb:'),
          rounds: cuts,
          begin: link.cut,
          end: link.mend,
        })
      } finally {
        await link.close()
      }
    },
  )

  test.skipIf(noKill !== undefined)(
    `nothing acknowledged is lost by ${cuts} × kill -9 of MongoDB and ${longAwayMs / 1000} s without it, at ${perSecond} messages/s${noKill ? `: ${noKill}` : ''}`,
    { timeout: 180_000 + cuts * 60_000 + longAwayMs },
    () =>
      runOutages({
        name: 'mongodb killed',
        url: database.url,
        rounds: cuts,
        begin: () => run(killCommand ?? ''),
        end: () => run(startCommand ?? ''),
      }),
  )
})

describe.skipIf(noReplicaSet !== undefined)(
  `a replica set that elects another primary${noReplicaSet === undefined ? '' : `: ${noReplicaSet}`}`,
  () => {
    test(
      `nothing acknowledged is lost by ${elections} elections, half of them without a hand-over, at ${perSecond} messages/s`,
      { timeout: 180_000 + elections * 60_000 },
      async () => {
        const database = await openDatabase(replicaSetUrl)
        const set = await openReplicaSet(database.url)
        const primaries: string[] = []
        try {
          await runOutages({
            name: 'mongodb elects',
            url: database.url,
            rounds: elections - 1,
            async begin() {
              primaries.push(await set.primary())
              await set.stepDown(primaries.length % 2 === 0)
            },
            end: async () => undefined,
          })
          primaries.push(await set.primary())
          // It was another one each time, or nothing was tested.
          expect(primaries.filter((each, i) => each === primaries[i - 1])).toEqual([])
        } finally {
          await set.close()
          await database.drop()
        }
      },
    )
  },
)
