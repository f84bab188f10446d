import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteRegistry } from './registry.ts'
import { openSqliteTelemetry } from './telemetry.ts'

const long = process.env['PATCHBAY_TEST_LONG'] === '1'
const ROUNDS = long ? 100 : 5
const MAX_LINES_BEFORE_KILL = 3_000
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-crash-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Runs the appender until it has said so many lines, kills it, and answers all that it said. */
async function appendAndKill(start: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [fixture('appender.ts'), folder, String(start)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === lines) child.kill('SIGKILL')
  }
  return said
}

const acknowledged = /^(?:t (?<lane>\d+) (?<point>\d+) (?<key>\S+)|r (?<document>\d+))$/

async function missingOf(
  said: string[],
): Promise<{ missing: string[]; torn: number; doubled: number; total: number; chunks: number }> {
  const telemetry = await openSqliteTelemetry({ file: join(folder, 'telemetry.sqlite'), durability: 'full' })
  const registry = await openSqliteRegistry({ file: join(folder, 'registry.sqlite'), durability: 'full' })
  const stored = new Set<string>()
  let torn = 0
  let doubled = 0
  for (let cursor = {}; ;) {
    const page = await telemetry.readCommitted(cursor, 5_000)
    if (page.records.length === 0) break
    cursor = page.cursor
    for (const { device, at, values } of page.records) {
      const keys = Object.keys(values)
      if (keys.length !== 2) torn += 1
      const line = `t ${device.slice('lane'.length)} ${at} ${keys.find((key) => key !== 'n')}`
      if (stored.has(line)) doubled += 1
      stored.add(line)
    }
  }
  for (let cursor: string | undefined; ;) {
    const page = await registry.list('devices', { limit: 5_000, ...(cursor === undefined ? {} : { cursor }) })
    for (const { body } of page.items) stored.add(`r ${String(body['n'])}`)
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  await telemetry.close()
  await registry.close()
  const db = new DatabaseSync(join(folder, 'telemetry.sqlite'), { readOnly: true })
  const chunks = Number(db.prepare('SELECT count(*) AS n FROM chunk').get()?.['n'])
  db.close()
  const missing = said.filter((line) => acknowledged.test(line) && !stored.has(line))
  return { missing, torn, doubled, total: stored.size, chunks }
}

/** What fixtures/full-disk.ts prints. */
interface FullDiskReport {
  full: { points: string[]; documents: string[] }
  stored: { points: number; keys: number; documents: number }
  later: unknown
}

describe('kill -9', () => {
  test(
    `nothing acknowledged is missing, none torn or doubled while hot rows are sealed, ${ROUNDS} rounds`,
    { timeout: ROUNDS * 10_000 },
    async () => {
      const said: string[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const lines = 1 + Math.floor(Math.random() * MAX_LINES_BEFORE_KILL)
        said.push(...(await appendAndKill((round + 1) * 1_000_000, lines)))
      }
      const { missing, torn, doubled, total, chunks } = await missingOf(said)
      console.log(
        `kill -9: ${ROUNDS} rounds, ${said.length - ROUNDS} acknowledged, ${total} stored, ${missing.length} missing, ${torn} torn, ${doubled} doubled, ${chunks} chunks`,
      )
      expect(missing).toEqual([])
      expect([torn, doubled]).toEqual([0, 0])
      // Something was sealed when the end came; how much depends on what the other thread got of the processor.
      expect(chunks).toBeGreaterThan(0)
      expect(total).toBeGreaterThanOrEqual(said.length - ROUNDS)
    },
  )
})

function hasPrlimit(): boolean {
  try {
    execFileSync('prlimit', ['--version'])
    return true
  } catch {
    // Not on this system: the suite is reported as skipped.
    return false
  }
}

describe.skipIf(!hasPrlimit())('a full disk', () => {
  test('refuses whole requests with StoreUnavailable and goes on when there is room again', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fixture('full-disk.ts'), folder])
    const { full, stored, later }: FullDiskReport = JSON.parse(stdout)
    for (const results of [full.points, full.documents]) {
      expect(new Set(results)).toEqual(new Set(['ok', 'unavailable']))
    }
    const taken = (results: string[]) => results.filter((result) => result === 'ok').length
    expect(stored).toEqual({
      points: taken(full.points) * 1_000,
      keys: taken(full.points),
      documents: taken(full.documents),
    })
    expect(later).toEqual({ points: 'ok', documents: 'ok', latest: true })
  })
})
