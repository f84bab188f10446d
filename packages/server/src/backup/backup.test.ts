import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadMasterKey } from '../settings/master-key.ts'
import { createSecretBox } from '../settings/secret-box.ts'
import { openSqliteRegistry } from '../stores/sqlite/registry.ts'
import { openSqliteTelemetry } from '../stores/sqlite/telemetry.ts'
import { createBackup } from './backup.ts'
import { hashFile, openManifest, readManifest } from './manifest.ts'
import { restoreBackup } from './restore.ts'
import { refuseUnfinishedRestore } from './unfinished-restore.ts'

let home: string
let data: string
/** What the ingest had heard acknowledged when the backup began. */
let before: string[]
let sealed: string
const at = (name: string) => join(home, name)
const operate = fileURLToPath(new URL('../operate.ts', import.meta.url))

const runOperate = async (folder: string, ...args: string[]): Promise<{ code: number; text: string }> => {
  const child = spawn(process.execPath, [operate, ...args], {
    env: { ...process.env, MONGODB_URL: '', PATCHBAY_DATA: folder },
  })
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
    const shares: number[] = []
    await createBackup({ data, into: at('backup'), onShare: (share) => void shares.push(share) })
    // How far it is only grows, up to all of it.
    expect([shares.toSorted((a, b) => a - b), shares.at(-1)]).toEqual([shares, 1])
    expect(shares.length).toBeGreaterThan(3)
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
    ['BACKUP_NEWER', { format: 3 }],
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

/** A data folder of some size without databases that are open, whose backup is quick, and one file that a kill lands in. */
const makePlainBackup = async (name: string, fileBytes: number): Promise<string> => {
  const source = at(`${name}-data`)
  await mkdir(join(source, 'plugins', 'x'), { recursive: true })
  const registry = await openSqliteRegistry({ file: join(source, 'registry.sqlite'), durability: 'full' })
  await registry.put('devices', name, { name }, 'new')
  await registry.close()
  await writeFile(join(source, 'plugins', 'x', 'big'), randomBytes(fileBytes))
  await writeFile(join(source, 'zz-last'), 'last')
  await createBackup({ data: source, into: at(name) })
  return at(name)
}

test('a folder that is there is filled in place, a mounted volume too, and again after a kill at any point', async () => {
  const from = await makePlainBackup('plain', 40 * 1024 * 1024)
  const other = await makePlainBackup('other', 10)
  const volume = at('volume')
  await mkdir(join(volume, 'lost+found'), { recursive: true })
  await mkdir(join(volume, 'cache'))
  const whole = ['cache', 'lost+found', 'plugins', 'registry.sqlite', 'zz-last']

  // Killed while it copies: no platform starts, and the command goes on.
  const child = spawn(process.execPath, [operate, 'restore', from], {
    env: { ...process.env, MONGODB_URL: '', PATCHBAY_DATA: volume },
  })
  await vi.waitFor(async () => expect((await stat(join(volume, '.restoring', 'files'))).isDirectory()).toBe(true), {
    timeout: 20_000,
    interval: 1,
  })
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(await readdir(volume)).not.toContain('registry.sqlite')
  expect(() => refuseUnfinishedRestore(volume)).toThrow(/PATCHBAY_DATA .*run npm run restore again/)
  await restoreBackup({ from, data: volume })
  expect((await readdir(volume)).toSorted()).toEqual(whole)
  expect(await hashFile(join(volume, 'plugins', 'x', 'big'))).toBe(await hashFile(join(from, 'plugins', 'x', 'big')))
  refuseUnfinishedRestore(volume)

  // Killed between two moves: the same backup goes on, another one is refused.
  const half = at('half')
  await mkdir(join(half, '.restoring', 'files', 'plugins', 'x'), { recursive: true })
  await writeFile(join(half, '.restoring', 'moving.json'), JSON.stringify(await readManifest(from)))
  await cp(join(from, 'plugins', 'x', 'big'), join(half, '.restoring', 'files', 'plugins', 'x', 'big'))
  await cp(join(from, 'registry.sqlite'), join(half, 'registry.sqlite'))
  await expect(restoreBackup({ from: other, data: half })).rejects.toMatchObject({
    code: 'RESTORE_TARGET_TAKEN',
    message: expect.stringContaining((await readManifest(from)).at),
  })
  await restoreBackup({ from, data: half })
  expect((await readdir(half)).toSorted()).toEqual(['plugins', 'registry.sqlite'])

  // Of a damaged backup nothing stays, and what another run had left there is not taken for its files.
  const kept = at('kept')
  await mkdir(join(kept, '.restoring', 'files'), { recursive: true })
  await writeFile(join(kept, '.restoring', 'files', 'foreign'), 'x')
  await restoreBackup({ from: other, data: kept })
  expect(await readdir(kept)).not.toContain('foreign')
  await writeFile(join(other, 'zz-last'), 'LAST')
  await mkdir(at('empty'))
  await expect(restoreBackup({ from: other, data: at('empty') })).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  expect(await readdir(at('empty'))).toEqual([])
}, 60_000)

/** A tmpfs of this size on a folder, in a private namespace in which the commands run; undefined where that is not permitted. */
const inVolume = async (
  folder: string,
  size: string,
  script: string,
): Promise<{ code: number; text: string } | undefined> => {
  const shell = `mount -t tmpfs -o size=${size} none "$1" || exit 77; shift; ${script}`
  const child = spawn('unshare', ['-rm', 'sh', '-c', shell, 'sh', folder, process.execPath, operate], {
    env: { ...process.env, MONGODB_URL: '', PATCHBAY_DATA: folder, FROM: at('plain') },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(77))
    child.once('close', (ended) => resolve(ended ?? 1))
  })
  return code === 77 ? undefined : { code, text }
}

test('a true mount point is restored into, and a full disk is told, kept from a start and gone on from', async (context) => {
  await mkdir(at('mounted'))
  // The first try has no room; then the volume is made larger.
  const script = `"$@" restore "$FROM"; echo "first $?"; ls -A "$PATCHBAY_DATA"
    mount -o remount,size=100m "$PATCHBAY_DATA"; "$@" restore "$FROM"; echo "second $?"; ls -A "$PATCHBAY_DATA"`
  const run = await inVolume(at('mounted'), '20m', script)
  context.skip(run === undefined, 'no private mount namespace here')
  expect(run?.text).toMatch(/ENOSPC[^]*first 1\n\.restoring\n[^]*second 0\nplugins\nregistry\.sqlite\nzz-last/)
}, 60_000)

test('a backup that is killed or has no room leaves the earlier one as it is, and the next one is made', async (context) => {
  const source = at('plain-data')
  const earlier = await hashFile(join(at('plain'), 'backup.json'))
  const child = spawn(process.execPath, [operate, 'backup', at('next')], {
    env: { ...process.env, MONGODB_URL: '', PATCHBAY_DATA: source },
  })
  await vi.waitFor(async () => expect((await stat(at('next.part'))).isDirectory()).toBe(true), {
    timeout: 20_000,
    interval: 1,
  })
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(await readdir(home)).not.toContain('next')
  await expect(restoreBackup({ from: at('next.part'), data: at('never') })).rejects.toMatchObject({
    code: 'BACKUP_DAMAGED',
  })
  await createBackup({ data: source, into: at('next') })
  expect(await readdir(home)).not.toContain('next.part')
  expect(await hashFile(join(at('plain'), 'backup.json'))).toBe(earlier)

  await mkdir(at('small'))
  const run = await inVolume(
    at('small'),
    '20m',
    `export PATCHBAY_DATA="${source}"; "$@" backup "${at('small')}/b"; echo "ended $?"; ls -A "${at('small')}"; echo .`,
  )
  context.skip(run === undefined, 'no private mount namespace here')
  expect(run?.text).toMatch(/ENOSPC[^]*ended 1\n\.\n/)
}, 60_000)

test('an encrypted backup says nothing without its passphrase, and any change to it is found', async () => {
  await makePlainBackup('chunked', 9 * 1024 * 1024)
  const source = at('chunked-data')
  await writeFile(join(source, 'plugins', 'x', 'run'), 'planted plain text', { mode: 0o700 })
  await writeFile(join(source, 'plugins', 'x', 'nothing'), '')
  await mkdir(join(source, '.backup-staging', '999999999'), { recursive: true })
  const passphrase = 'a passphrase of some length'
  await createBackup({ data: source, into: at('sealed'), passphrase })
  expect(await readdir(source)).toContain('.backup-staging')
  expect(await readdir(join(source, '.backup-staging'))).toEqual([])

  const names = (await readdir(at('sealed'), { recursive: true, withFileTypes: true })).filter((each) => each.isFile())
  expect(names.map(({ name }) => name).filter((name) => !name.endsWith('.enc'))).toEqual(['backup.json'])
  for (const { parentPath, name } of names) {
    const bytes = await readFile(join(parentPath, name), 'latin1')
    expect(bytes).not.toMatch(/planted plain text|SQLite format|"registry\.sqlite":/)
    expect(bytes).not.toContain(passphrase)
  }

  const from = at('sealed')
  const restore = (name: string, secret: string | undefined = passphrase) =>
    restoreBackup({ from, data: at(name), ...(secret === '' ? {} : { passphrase: secret }) })
  await expect(restore('shut', '')).rejects.toMatchObject({
    code: 'BACKUP_PASSPHRASE_WRONG',
    message: expect.stringContaining('is encrypted'),
  })
  await expect(restore('shut', 'another passphrase of length')).rejects.toMatchObject({
    code: 'BACKUP_PASSPHRASE_WRONG',
  })
  await expect(restoreBackup({ from: at('other'), data: at('shut'), passphrase })).rejects.toMatchObject({
    code: 'BACKUP_PASSPHRASE_WRONG',
    message: expect.stringContaining('is not encrypted'),
  })
  await restore('opened')
  for (const path of ['plugins/x/big', 'plugins/x/run', 'plugins/x/nothing', 'zz-last'])
    expect(await hashFile(join(at('opened'), path))).toBe(await hashFile(join(source, path)))
  expect((await stat(join(at('opened'), 'plugins/x/run'))).mode & 0o777).toBe(0o700)
  const registry = await openSqliteRegistry({ file: join(at('opened'), 'registry.sqlite'), durability: 'full' })
  expect(await registry.get('devices', 'chunked')).toBeDefined()
  await registry.close()

  // Every chunk stands for its file and place: cut, swapped, changed, or taken out of the list.
  const big = join(from, 'plugins/x/big.enc')
  const whole = await readFile(big)
  const chunk = 4 * 1024 * 1024 + 28
  const swapped = Buffer.concat([whole.subarray(chunk, 2 * chunk), whole.subarray(0, chunk), whole.subarray(2 * chunk)])
  const flipped = Buffer.from(whole)
  flipped[chunk + 100] = (flipped[chunk + 100] ?? 0) ^ 1
  const seal = await openManifest(await readManifest(from), passphrase)
  for (const damaged of [whole.subarray(0, 2 * chunk), whole.subarray(0, -1), swapped, flipped, Buffer.alloc(0)]) {
    await writeFile(big, damaged)
    await expect(seal?.open(big, at('piece'), 'plugins/x/big')).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      message: expect.stringContaining('plugins/x/big is not'),
    })
  }
  await writeFile(big, whole)
  await expect(seal?.open(big, at('piece'), 'plugins/x/run')).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  const list = await readFile(join(from, 'backup.json'), 'utf8')
  const manifest = JSON.parse(list)
  for (const change of [
    { files: manifest.files.slice(1) },
    { encryption: { ...manifest.encryption, N: 2 ** 14 } },
    { mac: undefined },
  ]) {
    await writeFile(join(from, 'backup.json'), JSON.stringify({ ...manifest, ...change }))
    await expect(restore('damaged')).rejects.toMatchObject({
      code: expect.stringMatching(/BACKUP_(DAMAGED|PASSPHRASE_WRONG)/),
    })
  }
  expect(await readdir(home)).not.toContain('damaged')
}, 60_000)
