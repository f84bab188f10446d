import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Columns } from '@patchbay/core/ingest/columns'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noMongo, openDatabase, type TestDatabase } from '../../test/harness/mongo-server.ts'
import { isLong } from '../../test/harness/random.ts'
import { openStores, type Stores } from '../parts/stores.ts'
import { restoreBackup } from './restore.ts'
import { refuseUnfinishedRestore } from './unfinished-restore.ts'

const operate = fileURLToPath(new URL('../operate.ts', import.meta.url))
const passphrase = 'a passphrase of some length'
const devices = isLong ? 200 : 20
const rounds = isLong ? 1_000 : 40
const kills = isLong ? 10 : 1

const fatal = (error: Error): never => {
  throw error
}

interface Ran {
  code: number | null
  text: string
}

const run = async (args: readonly string[], env: Record<string, string>, killAfter?: RegExp | number): Promise<Ran> => {
  const child = spawn(process.execPath, [operate, ...args], {
    env: { ...process.env, MONGODB_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let text = ''
  child.on('message', (message) => {
    text += `${JSON.stringify(message)}\n`
    if (killAfter instanceof RegExp && killAfter.test(text)) child.kill('SIGKILL')
  })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (text += part.toString()))
  const [code] = await once(child, 'close')
  return { code, text }
}

describe.skipIf(noMongo !== undefined)(`a backup of a platform on MongoDB${noMongo ? `: ${noMongo}` : ''}`, () => {
  let home: string
  let source: TestDatabase
  let stores: Stores
  /** Points that were acknowledged, in their order. */
  const acked: string[] = []
  const ended = new AbortController()
  let ingest: Promise<void>
  const at = (name: string) => join(home, name)
  const backedUp = { PATCHBAY_BACKUP_PASSPHRASE: passphrase }

  const append = async (round: number): Promise<void> => {
    const columns = new Columns()
    const lines: string[] = []
    const open = await Promise.all(Array.from({ length: devices }, (_, i) => stores.telemetry.openDevice(`dev-${i}`)))
    for (const series of open) {
      const id = (key: string) => series.keys.get(key) ?? stores.telemetry.addSeries(series, key)
      const time = 1_700_000_000_000_000 + round * 1_000_000
      columns.addNumber(id('n'), time, round / 7)
      columns.addText(id('state'), time, round % 2 ? 'an' : 'läuft', false)
      lines.push(`${series.device} ${time} ${round / 7}`)
    }
    await stores.telemetry.append(columns.toBatch())
    for (const series of open) stores.telemetry.releaseDevice(series)
    acked.push(...lines)
  }

  /** All points of some stores, and those after a place in the log, as lines. */
  const pointsOf = async ({ telemetry }: Stores, cursor: Record<string, number> = {}): Promise<Set<string>> => {
    const found = new Set<string>()
    for (let from = cursor; ;) {
      const page = await telemetry.readCommitted(from, 10_000)
      if (page.records.length === 0) return found
      for (const { device, at: time, values } of page.records)
        found.add(`${device} ${time} ${JSON.stringify(values['n'])}`)
      from = page.cursor
    }
  }

  /** Holds what it must, and who follows the log goes on where it was. */
  const check = async (restored: Stores, before: readonly string[]): Promise<void> => {
    const points = await pointsOf(restored)
    expect(before.filter((line) => !points.has(line))).toEqual([])
    expect((await restored.registry.get('devices', 'dev-1'))?.body).toEqual({ name: 'Gerät 1' })
    const { cursor } = (await restored.registry.get('meta', 'rules'))?.body ?? {}
    const left = await pointsOf(restored, cursor as Record<string, number>)
    const placed = acked.indexOf((await restored.registry.get('meta', 'placed'))?.body['line'] as string)
    expect(placed).toBeGreaterThan(0)
    expect(before.slice(placed + 1).filter((line) => !left.has(line))).toEqual([])
    expect(acked.slice(0, placed + 1).filter((line) => left.has(line))).toEqual([])
    const { items } = await restored.telemetry.raw({ device: 'dev-1', keys: ['state'], from: 0, to: 2e15, limit: 3 })
    expect(items.map(({ value }) => value)).toEqual(['läuft', 'an', 'läuft'])
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'patchbay-mongo-backup-'))
    source = await openDatabase()
    await mkdir(at('data'))
    await writeFile(join(at('data'), 'master.key'), 'k')
    // Of before the move to MongoDB.
    await writeFile(join(at('data'), 'registry.sqlite'), 'old')
    stores = await openStores({ data: at('data'), durability: 'full', mongodbUrl: source.url }, fatal)
    await stores.registry.append(
      'devices',
      Array.from({ length: devices }, (_, i) => ({ id: `dev-${i}`, body: { name: `Gerät ${i}` } })),
    )
    for (let round = 0; round < rounds; round++) await append(round)
    // The rules are behind what is stored, as they always are for a moment.
    await stores.registry.put('meta', 'rules', { cursor: stores.telemetry.end(), at: 5 }, 'any')
    await stores.registry.put('meta', 'placed', { line: acked.at(-1) }, 'any')
    ingest = (async () => {
      for (let round = rounds; !ended.signal.aborted; round++) await append(round)
    })()
  }, 120_000)
  afterAll(async () => {
    ended.abort()
    await ingest
    await stores?.close()
    await source?.drop()
    await rm(home, { recursive: true, force: true })
  })

  test(
    'is made while it writes, is killed or whole, and goes into a data folder or another MongoDB',
    { timeout: 300_000 },
    async () => {
      const env = { ...backedUp, PATCHBAY_DATA: at('data'), MONGODB_URL: source.url }
      const killed = await run(['backup', at('killed')], env, /"share":0\.[1-9]/)
      expect(killed.code).toBeNull()
      expect(await readdir(home)).not.toContain('killed')

      const before = [...acked]
      const made = await run(['backup', at('backup')], env)
      expect(made.text).toContain(`Backed up ${at('data')} and mongodb://`)
      expect(made.code).toBe(0)
      // It was written to meanwhile.
      expect(acked.length).toBeGreaterThan(before.length)
      expect((await readdir(at('backup'))).toSorted()).toEqual([
        'backup.json',
        'master.key.enc',
        'registry.sqlite.enc',
        'telemetry.sqlite.enc',
        'telemetry.sqlite.hot.enc',
      ])

      expect(await run(['restore', at('backup')], { ...backedUp, PATCHBAY_DATA: at('embedded') })).toMatchObject({
        code: 0,
      })
      const embedded = await openStores({ data: at('embedded'), durability: 'full' }, fatal)
      try {
        await check(embedded, before)
      } finally {
        await embedded.close()
      }

      const target = await openDatabase()
      try {
        const into = { ...backedUp, PATCHBAY_DATA: at('mongodb'), MONGODB_URL: target.url }
        for (let kill = 0; kill < kills; kill++) {
          const share = `"share":0\\.[${kill % 4}-9]`
          expect((await run(['restore', at('backup')], into, new RegExp(share))).code).toBeNull()
          expect(() => refuseUnfinishedRestore(at('mongodb'))).toThrow(/run npm run restore again/)
        }
        const restored = await run(['restore', at('backup')], into)
        expect(restored.text).toContain('everything acknowledged before')
        expect(restored.code).toBe(0)
        refuseUnfinishedRestore(at('mongodb'))
        expect((await readdir(at('mongodb'))).filter((name) => /sqlite|restor|copied/.test(name))).toEqual([])
        const there = await openStores({ data: at('mongodb'), durability: 'full', mongodbUrl: target.url }, fatal)
        try {
          await check(there, before)
        } finally {
          await there.close()
        }
        // What is there is not written over.
        const taken = restoreBackup({ from: at('backup'), data: at('second'), passphrase, mongodbUrl: target.url })
        await expect(taken).rejects.toMatchObject({ code: 'COPY_TARGET_TAKEN' })
      } finally {
        await target.drop()
      }
    },
  )
})
