import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { SealLimits } from '../../src/stores/sqlite/seal-queue.ts'
import { openSqliteTelemetry } from '../../src/stores/sqlite/telemetry.ts'
import type { Contender } from './contender.ts'
import { DAY, START } from './fleet.ts'

const HOUR = DAY / 24
const IN_FLIGHT = 4
const SETTLE_MS = 300_000
/** With these all is sealed and rolled up at once. */
const all: Partial<SealLimits> = { hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }

export interface Patchbay extends Contender {
  /** Bytes as they are right now, hot log and all. */
  bytesNow(): Promise<number>
  bytesOfChunks(): number
  hourlyByPoints(): Promise<unknown>
  /** How long the store took to open for `settle`. */
  openMs(): number
}

export interface OpenedPatchbay {
  patchbay: Patchbay
  series: (readonly [number, number])[]
}

/** The store itself, through its port. */
export async function openPatchbay(folder: string, names: readonly string[]): Promise<OpenedPatchbay> {
  const file = join(folder, 'store.sqlite')
  const open = (seal: Partial<SealLimits> = {}) => openSqliteTelemetry({ file, durability: 'full', seal })
  let store = await open()
  let openMs = 0
  const flying = new Set<Promise<void>>()
  const to = START + DAY
  const series: (readonly [number, number])[] = []
  for (const name of names) {
    const held = await store.openDevice(name)
    series.push([store.addSeries(held, 'temperature'), store.addSeries(held, 'humidity')])
  }
  const ofAll = (read: (device: string) => Promise<unknown>) => Promise.all(names.map(read))
  const hourly = (from: number) => ofAll((device) => store.range({ device, from, to, step: HOUR, aggregate: 'avg' }))
  const figure = (sql: string, of = file) => figureOf(of, sql)
  const patchbay: Patchbay = {
    name: 'Patchbay',
    async write(batch: Batch) {
      const append = store.append(batch)
      flying.add(append)
      void append.finally(() => flying.delete(append))
      if (flying.size >= IN_FLIGHT) await Promise.race(flying)
    },
    async settle() {
      await Promise.all(flying)
      await store.close()
      const opening = performance.now()
      store = await open(all)
      openMs = performance.now() - opening
      const hot = () => figure('SELECT count(*) AS n FROM hot', `${file}.hot`)
      const changed = () => figure('SELECT count(*) AS n FROM changed')
      // Beyond a twentieth free pages go back to the system.
      const free = () =>
        figure(
          'SELECT freelist_count > 64 AND freelist_count > page_count / 20 AS n FROM pragma_freelist_count, pragma_page_count',
        )
      const end = performance.now() + SETTLE_MS
      while (hot() + changed() + free() > 0 && performance.now() < end) await sleep(300)
      // And the log into the database.
      await store.close()
      store = await open(all)
    },
    bytes: () => bytesOf(file),
    bytesNow: () => bytesOf(file),
    bytesOfChunks: () => figure('SELECT sum(length(head) + length(body)) AS n FROM chunk'),
    count: async () => (await store.stats()).points,
    latestOfAll: () => ofAll((device) => store.latest(device)),
    oneDay: (device) =>
      store.range({ device, keys: ['temperature'], from: START, to, step: DAY / 300, aggregate: 'avg' }),
    hourlyOfAll: () => hourly(START),
    // A microsecond beside the hour no roll-up fits.
    hourlyByPoints: () => hourly(START + 1),
    openMs: () => openMs,
    close: () => store.close(),
  }
  return { patchbay, series }
}

async function bytesOf(file: string): Promise<number> {
  let bytes = 0
  for (const name of [file, `${file}-wal`, `${file}.hot`, `${file}.hot-wal`]) {
    bytes += await stat(name).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return bytes
}

/** One number from the file, beside the store. */
function figureOf(file: string, sql: string): number {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(db.prepare(sql).get()?.['n'])
  } finally {
    db.close()
  }
}

/** Commits of 100 points every 5 ms (20,000 points/s): how long they take. */
export async function pacedCommits(
  file: string,
  seal: Partial<SealLimits>,
  makeFleet: (store: TelemetryStore) => Promise<{ round(): Batch }>,
): Promise<number[]> {
  const store = await openSqliteTelemetry({ file, durability: 'full', seal })
  const fleet = await makeFleet(store)
  const waits: Promise<number>[] = []
  const began = performance.now()
  let round = fleet.round()
  for (let i = 0, from = 0; i < PACED_BATCHES; i++) {
    if (from >= round.length) {
      round = fleet.round()
      from = 0
    }
    const to = Math.min(round.length, from + 100)
    const { series, at, kind, number } = round
    const slice = { series: series.slice(from, to), at: at.slice(from, to), kind: kind.slice(from, to) }
    const batch = { length: to - from, ...slice, number: number.slice(from, to), text: [] }
    from = to
    const sent = performance.now()
    waits.push(store.append(batch).then(() => performance.now() - sent))
    const wait = began + (i + 1) * PACED_EVERY_MS - performance.now()
    if (wait > 0) await sleep(wait)
  }
  const taken = await Promise.all(waits)
  await store.close()
  return taken
}

const PACED_BATCHES = 800
const PACED_EVERY_MS = 5
