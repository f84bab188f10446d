import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin, field } from '@patchbay/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, manifestOf, type World } from '../../test/world.ts'
import type { InstanceStore, StoredInstance } from '../instance-store.ts'
import { toConfigSchemaFile } from '../manifest/check.ts'
import { createInstaller, type Installer } from './installer.ts'
import { packArchive } from './pack.ts'
import type { PackageRecord, PackageStore } from './record.ts'

const id = 'acme'
const schemas = {
  1: definePlugin({ config: { channel: field.text() }, setup() {} }),
  2: definePlugin({ config: { key: field.text() }, setup() {} }),
}

/** Of many lives, each with workers. */
const workersMs = 120_000
/** Its code runs in a worker, whose start takes a while on a busy machine. */
const limits = { startMs: 20_000, stopMs: 5_000 }

/** Version 1 stores `channel`, version 2 `key`. */
const pack = (major: 1 | 2): Buffer => {
  const files = {
    'plugin.json': JSON.stringify(manifestOf(id, { configVersion: major, entry: 'index.js', limits })),
    'package.json': JSON.stringify({ name: id, version: `${major}.0.0`, type: 'module' }),
    'README.md': '',
    'config.schema.json': toConfigSchemaFile(schemas[major]),
    'index.js': `export default {
      [Symbol.for('patchbay.plugin')]: true,
      configSchema: ${JSON.stringify(schemas[major].configSchema)},
      migrate: { 1: ({ channel }) => ({ key: channel }) },
      setup() {},
    }`,
  }
  return packArchive(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })))
}

/** What outlives a process. */
interface Disk {
  root: string
  records: Map<string, PackageRecord>
  instances: Map<string, StoredInstance>
}

interface Life {
  world: World
  installer: Installer
  /** Writes to the registry so far. */
  writes(): number
  end(): Promise<void>
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-installer-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const makeDisk = async (): Promise<Disk> => ({
  root: await mkdtemp(join(folder, 'disk-')),
  records: new Map(),
  instances: new Map(),
})

/** Starts a host on what is left. From write number `dies` on nothing reaches the registry any more, as after the death of the process. */
const live = async (disk: Disk, dies = () => Number.POSITIVE_INFINITY): Promise<Life> => {
  let writes = 0
  const write = <T>(work: () => T): Promise<T> => {
    writes += 1
    return writes >= dies() ? Promise.reject(new Error('the process is dead')) : Promise.resolve(work())
  }
  const instances: InstanceStore = {
    list: async () => structuredClone([...disk.instances.values()]),
    get: async (_plugin, name) => structuredClone(disk.instances.get(name)),
    save: (of) => write(() => void disk.instances.set(of.name, structuredClone(of))),
    delete: (_plugin, name) => write(() => void disk.instances.delete(name)),
  }
  const store: PackageStore = {
    list: async () => structuredClone([...disk.records.values()]),
    put: (record) => write(() => void disk.records.set(record.id, structuredClone(record))),
    delete: (of) => write(() => void disk.records.delete(of)),
  }
  const world = await createWorld({ instances, installed: () => installer.sources() })
  const installer = createInstaller({
    root: disk.root,
    store,
    instances,
    forget: async () => undefined,
    trust: { policy: 'any', publishers: [], verified: [] },
    isBundled: () => false,
    exchange: world.host.exchange,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  await installer.begin(() => world.host.start())
  return { world, installer, writes: () => writes, end: () => world.close() }
}

const approve = (installer: Installer, version: string) => installer.approve(id, { version })

/** Version 1 with an instance, version 2 staged; upgraded where that is asked. */
const prepare = async (upgraded: boolean): Promise<Disk> => {
  const disk = await makeDisk()
  const { world, installer, end } = await live(disk)
  await installer.stage(pack(1))
  await approve(installer, '1.0.0')
  await world.host.put(id, 'default', { config: { channel: 'pressure' } })
  await installer.stage(pack(2))
  if (upgraded) await approve(installer, '2.0.0')
  await end()
  return disk
}

const copyOf = async ({ root, records, instances }: Disk): Promise<Disk> => {
  const copy = await mkdtemp(join(folder, 'disk-'))
  await cp(root, copy, { recursive: true })
  return { root: copy, records: structuredClone(records), instances: structuredClone(instances) }
}

/** One whole version: the code, the configuration that belongs to it, and no folder too many. */
const wholeVersion = async (disk: Disk): Promise<string> => {
  const { world, installer, end } = await live(disk)
  const record = installer.record(id)
  const kept = [record?.current, record?.previous?.release, record?.staged].filter(Boolean)
  const folders = await readdir(join(disk.root, id)).catch(() => [])
  expect(folders.length).toBe(kept.length)
  expect(record?.change).toBeUndefined()
  const version = record?.current?.version ?? 'none'
  if (record === undefined) expect(disk.instances.size).toBe(0)
  else
    expect(world.host.instance(id, 'default')).toMatchObject({
      state: 'running',
      config: version === '1.0.0' ? { channel: 'pressure' } : { key: 'pressure' },
    })
  await end()
  return version
}

describe('a process that dies at any write of a change leaves one whole version', () => {
  const changes: [string, boolean, string, string, (installer: Installer) => Promise<void>][] = [
    ['an upgrade', false, '1.0.0', '2.0.0', (installer) => approve(installer, '2.0.0')],
    ['a rollback', true, '2.0.0', '1.0.0', (installer) => installer.rollback(id)],
    ['a removal', true, '2.0.0', 'none', (installer) => installer.remove(id, false)],
  ]
  test.each(changes)('of %s', { timeout: workersMs }, async (_name, upgraded, before, after, change) => {
    const found: string[] = []
    const prepared = await prepare(upgraded)
    for (let at = 1; ; at += 1) {
      const disk = await copyOf(prepared)
      let from = Number.POSITIVE_INFINITY
      const life = await live(disk, () => from)
      from = life.writes() + at
      const outcome = await change(life.installer).then(
        () => 'done',
        () => 'died',
      )
      await life.end()
      found.push(await wholeVersion(disk))
      expect([before, after]).toContain(found.at(-1))
      if (outcome === 'done') break
    }
    // The first death comes before anything, the last run is not disturbed; between them the version changes once.
    expect(found[0]).toBe(before)
    expect(found.at(-1)).toBe(after)
    expect(found.lastIndexOf(before)).toBeLessThan(found.indexOf(after))
    expect(found.length).toBeGreaterThan(3)
  })
})

test('a recovery that is cut off is done again', async () => {
  const disk = await prepare(false)
  const record = disk.records.get(id)
  const before = disk.instances.get('default')
  if (!record || !before) throw new Error('not prepared')
  // As a death right before the commit leaves it: journal open, the configuration carried over already.
  disk.records.set(id, { ...record, change: { kind: 'swap', instances: [before] } })
  disk.instances.set('default', { ...before, config: { key: 'pressure' }, configVersion: 2 })
  const cut = await live(disk, () => 2)
  await cut.end()
  expect(disk.records.get(id)?.change).toBeDefined()
  expect(await wholeVersion(disk)).toBe('1.0.0')
})
