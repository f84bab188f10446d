import { join } from 'node:path'
import type { Log } from '@patchbay/sdk'
import { type Clock, systemClock, toIso } from '../clock.ts'
import { HostError } from '../errors.ts'
import type { PackageExchange } from '../exchange.ts'
import type { InstanceStore } from '../instance-store.ts'
import type { PackageSource } from '../package.ts'
import { createSerial } from '../serial.ts'
import type { ArchiveLimits } from './archive-limits.ts'
import { createFolders } from './folders.ts'
import { loadPlugin } from './load-plugin.ts'
import { type Approval, releaseMeant, toApproved } from './host-approval.ts'
import { assertNewer, inspectPackage } from './inspect.ts'
import { widerThan } from './needs.ts'
import { assertAdmitted, tierOf, type Trust } from './policy.ts'
import type { PackageRecord, PackageStore, Release } from './record.ts'
import { recoverPackage } from './recover.ts'
import { findSigner } from './signature.ts'
import { hashTree } from './tree-hash.ts'
import { unpackArchive } from './unpack.ts'

export interface InstallerOptions {
  /** Where packages lie; nobody else writes there. */
  root: string
  store: PackageStore
  instances: InstanceStore
  /** As the host's: deletes what a removed instance had stored. */
  forget(plugin: string, name: string): Promise<void>
  trust: Trust
  isBundled(id: string): boolean
  exchange: PackageExchange
  log: Log
  apiVersion?: string
  clock?: Clock
  limits?: ArchiveLimits
}

/** A release as it waits, and what it may do that the running one may not. */
export interface Staged {
  id: string
  release: Release
  wider: string[]
}

export interface Installer {
  /**
   * At the start: brings every package whose change was cut off back to a whole version, clears what is left over, and starts the host;
   * changes that are asked for meanwhile wait until it has.
   */
  begin(start: () => Promise<void>): Promise<void>
  /** What the host loads beside the bundled ones. */
  sources(): PackageSource[]
  records(): readonly PackageRecord[]
  record(id: string): PackageRecord | undefined
  /** Looks at an archive and keeps it until it is approved. None of its code runs. */
  stage(archive: Uint8Array): Promise<Staged>
  approve(id: string, approval: Approval): Promise<void>
  /** Deletes what waits for approval. */
  reject(id: string): Promise<void>
  rollback(id: string, by?: string): Promise<void>
  remove(id: string, keepData: boolean): Promise<void>
}

/** Puts packages in, swaps and removes them. Each change is one write of the record; whatever dies on the way, one whole version runs after. */
export function createInstaller(options: InstallerOptions): Installer {
  const { store, trust, log, exchange } = options
  const clock = options.clock ?? systemClock
  const folders = createFolders(options.root)
  const records = new Map<string, PackageRecord>()
  const serial = createSerial(() => new HostError('INSTANCE_BUSY'))
  const now = (): string => toIso(clock.nowMicros())

  const put = async (record: PackageRecord): Promise<void> => {
    await store.put(record)
    records.set(record.id, record)
  }
  const sweep = async (): Promise<void> => {
    try {
      await folders.sweep([...records.values()])
    } catch (error) {
      log.warn('packages that nobody needs could not be deleted', { err: error })
    }
  }
  const recordOf = (id: string): PackageRecord => {
    const found = records.get(id)
    if (found) return found
    if (options.isBundled(id))
      throw new HostError('PACKAGE_BUNDLED', `${id} comes with the platform; disable its instances instead.`)
    throw new HostError('PLUGIN_UNKNOWN', `No plugin ${id} is installed.`)
  }

  /** The hash is looked at each time before code is loaded: what was approved is what runs. */
  const admit = async (id: string, release: Release): Promise<void> => {
    const folder = folders.of(id, release)
    const tree = await hashTree(folder)
    if (tree.sha512 !== release.sha512)
      throw new HostError(
        'PACKAGE_CHANGED',
        `The files of ${id} ${release.version} are not those that were approved. Install it again.`,
      )
    const signer = await findSigner(folder, tree, trust.publishers)
    assertAdmitted(`${id} ${release.version}`, tierOf({ id, ...release }, signer, trust), trust)
  }
  const sourceOf = (id: string, release: Release): PackageSource => {
    const folder = folders.of(id, release)
    return {
      id,
      version: release.version,
      bundled: false,
      ...(release.host === true ? { host: true } : {}),
      manifestFile: join(folder, 'plugin.json'),
      admit: () => admit(id, release),
      load: () => loadPlugin(folder),
    }
  }

  /** Runs `next` in place of what runs now. The write of `commit` is the moment from which the new version is the one. */
  const swap = async (
    record: PackageRecord,
    next: Release,
    settled: (kept: PackageRecord['previous']) => PackageRecord,
  ): Promise<void> => {
    const { id, current, previous } = record
    const back = previous?.release.sha512 === next.sha512 ? previous : undefined
    let kept: PackageRecord['previous']
    await exchange.replace(sourceOf(id, next), {
      begin: async (instances) => {
        if (current) kept = { release: current, instances: instances.map((each) => ({ ...each })) }
        await put({ ...record, change: { kind: 'swap', instances: instances.map((each) => ({ ...each })) } })
      },
      ...(back ? { restore: back.instances } : {}),
      commit: () => put(settled(kept)),
      undone: () => put(record),
    })
    await sweep()
  }

  const recover = async (): Promise<void> => {
    for (const found of await store.list()) {
      try {
        const whole = await recoverPackage(found, options)
        if (whole === undefined) await store.delete(found.id)
        else {
          if (whole !== found) await store.put(whole)
          records.set(whole.id, whole)
        }
      } catch (error) {
        log.error('a change of a plugin that was cut off could not be undone', { plugin: found.id, err: error })
        records.set(found.id, found)
      }
    }
    await sweep()
  }

  return {
    records: () => [...records.values()],
    record: (id) => records.get(id),
    sources: () => [...records.values()].flatMap(({ id, current }) => (current ? [sourceOf(id, current)] : [])),

    begin: (start) =>
      serial.run(async () => {
        try {
          await recover()
        } catch (error) {
          log.error('the installed plugins could not be read; only the bundled ones start', { err: error })
        }
        await start()
      }),

    stage: (archive) =>
      serial.run(async () => {
        const staging = await folders.stage()
        try {
          await unpackArchive(archive, staging, options.limits)
          const { id, release } = await inspectPackage(staging, { ...options, now })
          assertNewer(id, release, records.get(id)?.current)
          const record = records.get(id) ?? { id }
          await folders.settle(staging, id, release)
          await put({ ...record, staged: release })
          await sweep()
          return { id, release, wider: widerThan(release.permissions, record.current?.permissions) }
        } finally {
          await folders.discard(staging)
        }
      }),

    approve: (id, { version, sha512, isolation, by }) =>
      serial.run(async () => {
        const record = recordOf(id)
        const { current } = record
        const release = releaseMeant(record, { version, sha512, isolation })
        const approved = toApproved(id, release, current, { isolation, by, at: now() })
        await swap(record, approved, (previous) =>
          release === current
            ? { ...record, current: approved }
            : { id, current: approved, ...(previous ? { previous } : {}) },
        )
      }),

    reject: (id) =>
      serial.run(async () => {
        const { staged, ...rest } = recordOf(id)
        if (!staged) throw new HostError('PACKAGE_NOT_STAGED', `Nothing of ${id} waits for approval.`)
        if (rest.current) await put(rest)
        else {
          await store.delete(id)
          records.delete(id)
        }
        await sweep()
      }),

    rollback: (id) =>
      serial.run(async () => {
        const record = recordOf(id)
        const { previous, staged } = record
        if (!previous) throw new HostError('PACKAGE_NO_PREVIOUS', `No version before this one is kept of ${id}.`)
        await swap(record, previous.release, (kept) => ({
          id,
          current: previous.release,
          ...(kept ? { previous: kept } : {}),
          ...(staged ? { staged } : {}),
        }))
      }),

    remove: (id, keepData) =>
      serial.run(async () => {
        const record = recordOf(id)
        await exchange.take(id, {
          keepData,
          begin: () => put({ ...record, change: { kind: 'remove', keepData } }),
          commit: async () => {
            await store.delete(id)
            records.delete(id)
          },
        })
        await sweep()
        log.info('a plugin was removed', { plugin: id })
      }),
  }
}
