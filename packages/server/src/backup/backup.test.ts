import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadMasterKey } from '../settings/master-key.ts'
import { createSecretBox } from '../settings/secret-box.ts'
import { openSqliteRegistry } from '../stores/sqlite/registry.ts'
import { openSqliteTelemetry } from '../stores/sqlite/telemetry.ts'
import { createBackup } from './backup.ts'
import { restoreBackup } from './restore.ts'

let home: string
let data: string
/** What the ingest had heard acknowledged when the backup began. */
let before: string[]
let sealed: string
const at = (name: string) => join(home, name)
const operate = fileURLToPath(new URL('../operate.ts', import.meta.url))

const runOperate = async (folder: string, ...args: string[]): Promise<{ code: number; text: string }> => {
  const child = spawn(process.execPath, [operate, ...args], { env: { ...process.env, PATCHBAY_DATA: folder } })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code] = await once(child, 'close')
  return { code, text }
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'patchbay-backup-'))
  data = at('data')
  await mkdir(join(data, 'cache'), { recursive: true })
  await writeFile(join(data, 'cache', 'made-again'), 'x')
  await symlink('/', join(data, 'link'))
  const registry = await openSqliteRegistry({ file: join(data, 'registry.sqlite'), durability: 'full' })
  sealed = createSecretBox(await loadMasterKey({ data })).seal('the secret')
  await registry.put('devices', 'with-secret', { sealed }, 'new')
  await registry.close()

  const appender = fileURLToPath(new URL('../stores/sqlite/fixtures/appender.ts', import.meta.url))
  const ingest = spawn(process.execPath, [appender, data, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let heard = ''
  ingest.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  const lines = () => heard.split('\n').slice(0, -1)
  try {
    await vi.waitFor(() => expect(lines().length).toBeGreaterThan(6_000), { timeout: 20_000 })
    before = lines()
    await createBackup({ data, into: at('backup') })
    const then = lines().length
    await vi.waitFor(() => expect(lines().length).toBeGreaterThan(then + 500), { timeout: 20_000 })
    // It was under ingest: more was acknowledged while it ran.
    expect(then).toBeGreaterThan(before.length)
  } finally {
    ingest.kill('SIGKILL')
    await once(ingest, 'close')
  }
}, 60_000)
afterAll(() => rm(home, { recursive: true, force: true }))

test('a backup under ingest holds everything that was acknowledged before it, and secrets can be read', async () => {
  const restored = at('restored')
  const { code, text } = await runOperate(restored, 'restore', at('backup'))
  expect([code, text]).toEqual([0, expect.stringContaining('everything acknowledged before')])
  expect((await stat(restored)).mode & 0o777).toBe(0o700)
  expect((await stat(join(restored, 'master.key'))).mode & 0o777).toBe(0o600)
  expect((await readdir(restored)).toSorted()).toEqual([
    'master.key',
    'registry.sqlite',
    'telemetry.sqlite',
    'telemetry.sqlite.hot',
  ])

  const registry = await openSqliteRegistry({ file: join(restored, 'registry.sqlite'), durability: 'full' })
  const telemetry = await openSqliteTelemetry({ file: join(restored, 'telemetry.sqlite'), durability: 'full' })
  try {
    const kept = new Set<string>()
    let wrong = 0
    let cursor = {}
    for (;;) {
      const page = await telemetry.readCommitted(cursor, 5_000)
      if (page.records.length === 0) break
      cursor = page.cursor
      for (const record of page.records) {
        const keys = Object.keys(record.values)
        const line = `t ${record.device.slice('lane'.length)} ${record.at} ${keys.find((key) => key !== 'n')}`
        if (keys.length !== 2 || kept.has(line)) wrong += 1
        kept.add(line)
      }
    }
    for (let next: string | undefined; ;) {
      const page = await registry.list('devices', { limit: 5_000, ...(next === undefined ? {} : { cursor: next }) })
      for (const { body } of page.items) kept.add(`r ${String(body['n'])}`)
      next = page.nextCursor
      if (next === undefined) break
    }
    expect(before.filter((line) => /^[tr] /.test(line) && !kept.has(line))).toEqual([])
    // None torn or doubled either.
    expect(wrong).toBe(0)
    // New points get numbers after the old ones: the store can go on.
    const device = await telemetry.openDevice('after')
    const series = telemetry.addSeries(device, 'n')
    await telemetry.append({
      length: 1,
      series: Uint32Array.of(series),
      at: Float64Array.of(7),
      kind: new Uint8Array(1),
      number: Float64Array.of(8),
      text: [],
    })
    const { records } = await telemetry.readCommitted(cursor, 10)
    expect(records).toMatchObject([{ device: 'after', values: { n: 8 } }])
    const box = createSecretBox(await loadMasterKey({ data: restored }))
    expect(box.open(sealed)).toBe('the secret')
    expect((await registry.get('devices', 'with-secret'))?.body).toEqual({ sealed })
  } finally {
    await telemetry.close()
    await registry.close()
  }
}, 30_000)

test('a folder in use, a damaged backup and one of a later version are refused, and nothing is written', async () => {
  expect(await runOperate(data, 'restore', at('backup'))).toEqual({
    code: 1,
    text: expect.stringContaining('is not empty: stop'),
  })
  await expect(createBackup({ data, into: at('backup') })).rejects.toMatchObject({ code: 'BACKUP_TARGET_TAKEN' })
  await expect(createBackup({ data, into: join(data, 'b') })).rejects.toMatchObject({ code: 'BACKUP_TARGET_TAKEN' })
  await expect(createBackup({ data: at('none'), into: at('b') })).rejects.toMatchObject({
    code: 'BACKUP_SOURCE_MISSING',
  })
  const into = { from: at('backup'), data: at('refused') }

  const path = join(into.from, 'backup.json')
  const text = await readFile(path, 'utf8')
  for (const [code, change] of [
    ['BACKUP_NEWER', { version: '99.0.0' }],
    ['BACKUP_NEWER', { format: 2 }],
    ['BACKUP_DAMAGED', { files: [{ path: '../outside', bytes: 0, sha256: '0'.repeat(64) }] }],
    ['BACKUP_DAMAGED', { files: [{ path: 'missing', bytes: 0, sha256: '0'.repeat(64) }] }],
  ] as const) {
    await writeFile(path, JSON.stringify({ ...JSON.parse(text), ...change }))
    await expect(restoreBackup(into)).rejects.toMatchObject({ code })
  }
  await writeFile(path, text.slice(0, 50))
  await expect(restoreBackup(into)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  await writeFile(path, text)
  const registry = join(into.from, 'registry.sqlite')
  const bytes = await readFile(registry)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  await writeFile(registry, bytes)
  await expect(restoreBackup(into)).rejects.toMatchObject({
    code: 'BACKUP_DAMAGED',
    message: expect.stringContaining('registry.sqlite'),
  })
  await truncate(registry, 10)
  await expect(restoreBackup(into)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  expect((await readdir(home)).toSorted()).toEqual(['backup', 'data', 'restored'])
})
