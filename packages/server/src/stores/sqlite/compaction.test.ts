import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { expect, test, vi } from 'vitest'
import { openSqliteTelemetry } from './telemetry.ts'
import { DAY } from './tiers.ts'

const START = 20_000 * DAY
const SECOND = 1_000_000
const LATE = 60

test('small chunks of late points are joined, and every read shows what it showed before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-compaction-'))
  const file = join(folder, 'telemetry.sqlite')
  const seal = { records: 64, hotRows: 0, rowsPerSeries: 0 }
  const store = await openSqliteTelemetry({ file, durability: 'full', seal })
  const chunks = () => {
    const db = new DatabaseSync(file, { readOnly: true })
    const row = db.prepare('SELECT count(*) AS n, ifnull(sum(points), 0) AS points FROM chunk').get()
    db.close()
    return { n: Number(row?.['n']), points: Number(row?.['points']) }
  }
  try {
    const held = await store.openDevice('d')
    const series = ['a', 'b', 'text'].map((key) => store.addSeries(held, key))
    const add = (at: number, n: number) =>
      store.append(toBatch(series.map((id, i) => ({ series: id, at, value: i === 2 ? `t${n}` : n + i }))))
    // Two full chunks of a later day, then one late record after the other, some of them twice.
    for (let n = 0; n < 128; n++) await add(START + DAY + n * SECOND, n)
    const points = () => vi.waitFor(async () => expect(chunks().points).toBe((await store.stats()).points), 15_000)
    await points()
    for (let n = 0; n < LATE; n++) {
      await add(START + ((n * 37) % 50) * SECOND, 1_000 + n)
      await points()
    }
    const expected = new Map(Array.from({ length: LATE }, (_, n) => [START + ((n * 37) % 50) * SECOND, 1_000 + n]))
    // As many as fill a chunk make one; a few that came after it may stand beside.
    await vi.waitFor(() => expect(chunks().n).toBeLessThan(2 + 12), { timeout: 15_000, interval: 20 })
    const { items } = await store.raw({ device: 'd', keys: ['a'], from: START, to: START + DAY, limit: 1_000 })
    expect(items.map(({ at, value }) => [at, value])).toEqual([...expected].toSorted(([a], [b]) => a - b))
    const { records } = await store.readCommitted({}, 10_000)
    expect(records.map(({ values }) => values['a'])).toEqual([
      ...Array.from({ length: 128 }, (_, n) => n),
      ...Array.from({ length: LATE }, (_, n) => 1_000 + n),
    ])
    expect(records.every(({ values }) => Object.keys(values).length === 3)).toBe(true)
    store.releaseDevice(held)
  } finally {
    await store.close()
    await rm(folder, { recursive: true })
  }
})
