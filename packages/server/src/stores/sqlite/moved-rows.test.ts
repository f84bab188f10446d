import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeVersion2 } from './fixtures/version-2.ts'
import { hotFileOf } from './hot-file.ts'
import { openSqliteTelemetry } from './telemetry.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-moved-'))
  file = join(folder, 'telemetry.sqlite')
  makeVersion2(file)
})
afterEach(() => rm(folder, { recursive: true }))

const open = () => openSqliteTelemetry({ file, durability: 'full' })

test('a file of the version before is read as it was and goes on', async () => {
  let store = await open()
  expect(store.writer).toBe('writer-of-2')
  const latest = {
    n: { at: 3_000, value: 3.5 },
    // SQLite has no form for half a surrogate pair.
    t: { at: 3_000, value: 'text \u0000 \ufffd' },
    b: { at: 3_000, value: true },
    j: { at: 3_000, value: { a: [1] } },
  }
  expect({ ...(await store.latest('d')) }).toEqual(latest)
  const raw = await store.raw({ device: 'd', keys: ['n'], from: 0, to: 10_000, limit: 10 })
  expect(raw.items.map(({ at, value }) => [at, value])).toEqual([
    [500, -0],
    [1_000, 1.5],
    [2_000, 2.5],
    [3_000, 3.5],
  ])
  const { records } = await store.readCommitted({}, 100)
  expect(records.map(({ seq, at }) => [seq, at])).toEqual([
    [2, 500],
    [3, 1_000],
    [4, 2_000],
    [9, 3_000],
  ])
  const device = await store.openDevice('d')
  // Ids of deleted devices are not given again.
  expect(store.addSeries(device, 'new')).toBe(6)
  await store.append(toBatch([{ series: 6, at: 4_000, value: 1 }]))
  expect((await store.readCommitted({ [store.writer]: 9 }, 100)).records.map(({ seq }) => seq)).toEqual([13])
  await store.close()
  store = await open()
  expect({ ...(await store.latest('d')) }).toEqual({ ...latest, new: { at: 4_000, value: 1 } })
  await store.close()
})

test('a move that was cut off begins anew', async () => {
  await (await open()).close()
  const database = new DatabaseSync(file)
  const rows = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('hot', 'moving')").get()
  database.close()
  expect(rows).toEqual({ n: 0 })
  // As if the end had come when the rows were in the log but not yet out of the database.
  await rm(file)
  makeVersion2(file)
  const hot = new DatabaseSync(hotFileOf(file), { readOnly: true })
  expect(hot.prepare('SELECT count(*) AS n FROM hot').get()).toEqual({ n: 1 })
  hot.close()
  const store = await open()
  expect((await store.readCommitted({}, 100)).records).toHaveLength(4)
  await store.close()
})
