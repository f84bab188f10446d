import { createHash, type Hash } from 'node:crypto'
import { collections, type Collection, type RegistryStore } from '@patchbay/core/registry/port'
import type { CommittedRecord, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { TelemetryReader } from '../stores/mongodb/telemetry-reader.ts'
import { documentsOf } from './copy-registry.ts'
import { copyDevices, copyTail } from './copy-telemetry.ts'
import { holdRules, refuseDifference } from './copy.ts'
import { devicesOf, type Fingerprint, inOrder } from './device-points.ts'
import { fingerprintOfAll, fingerprintsOfDevices } from './fingerprint.ts'
import { findPlaces } from './places.ts'

const PAGE_POINTS = 10_000

export interface SnapshotOptions {
  from: { registry: RegistryStore; telemetry: TelemetryReader }
  /** Empty. */
  to: { registry: RegistryStore; telemetry: TelemetryStore }
  /** `done` of about `all` points, read or read back. */
  onProgress(done: number, all: number): void
}

/** What the rules and sinks know comes first: what they have not read yet is then in what is read later, as after a kill. */
const statesFirst: readonly Collection[] = ['meta', 'rule_states']

/**
 * Copies everything out of stores that a platform writes meanwhile, and reads back what was written. All that was acknowledged before it began
 * is in it; what came since may be.
 */
export async function takeSnapshot({ from, to, onProgress }: SnapshotOptions): Promise<void> {
  const all = 2 * (await from.telemetry.points())
  for (const collection of [...statesFirst, ...collections.filter((each) => !statesFirst.includes(each))]) {
    await copyCollection(from.registry, to.registry, collection)
  }

  await from.telemetry.refresh()
  const known = new Map<string, Fingerprint>()
  let points = 0
  const onPoints = (count: number): void => onProgress((points += count), Math.max(all, points))
  await copyDevices({
    from: from.telemetry,
    to: to.telemetry,
    devices: devicesOf(from.telemetry),
    onPoints,
    async onDevice(device, fingerprint) {
      if (fingerprint.count > 0) known.set(device, fingerprint)
    },
  })
  refuseDifference(
    'points',
    fingerprintOfAll(known),
    fingerprintOfAll(await fingerprintsOfDevices(to.telemetry, onPoints)),
  )

  // Whatever has come into it since the rules and sinks were looked at is for them.
  await from.telemetry.refresh()
  const places = await findPlaces(to.registry, from.telemetry.end())
  await copyTailChecked({ from: from.telemetry, to: to.telemetry, places })

  const { writer } = to.telemetry
  const toTarget = places.toTarget(writer, to.telemetry.end()[writer] ?? 0)
  for (const collection of statesFirst) {
    for await (const page of documentsOf(to.registry, collection)) {
      if (page.length === 0) continue
      const documents = page.map((document) => ({ id: document.id, body: toTarget(collection, document) }))
      await to.registry.append(collection, documents)
    }
  }
  await holdRules(to)
}

async function copyCollection(from: RegistryStore, to: RegistryStore, collection: Collection): Promise<void> {
  const [read, back] = [createHash('sha256'), createHash('sha256')]
  let [count, written] = [0, 0]
  for await (const page of documentsOf(from, collection)) {
    if (page.length === 0) continue
    for (const { id, body } of page) take(read, [id, body])
    count += page.length
    await to.append(
      collection,
      page.map(({ id, body }) => ({ id, body })),
    )
  }
  for await (const page of documentsOf(to, collection)) {
    for (const { id, body } of page) take(back, [id, body])
    written += page.length
  }
  const [source, target] = [
    { count, sha256: read.digest('hex') },
    { count: written, sha256: back.digest('hex') },
  ]
  refuseDifference(`documents of ${collection}`, source, target)
}

async function copyTailChecked(tail: {
  from: TelemetryReader
  to: TelemetryStore
  places: Awaited<ReturnType<typeof findPlaces>>
}): Promise<void> {
  const { to } = tail
  const begin = to.end()
  const [read, back] = [createHash('sha256'), createHash('sha256')]
  const [source, target] = [
    { count: 0, sha256: '' },
    { count: 0, sha256: '' },
  ]
  await copyTail({
    ...tail,
    onProgress: () => undefined,
    onRecords: (records) => void (source.count += takeRecords(read, records)),
  })
  for (let cursor = begin; ;) {
    const page = await to.readCommitted(cursor, PAGE_POINTS)
    if (page.records.length === 0) break
    target.count += takeRecords(back, page.records)
    ;({ cursor } = page)
  }
  source.sha256 = read.digest('hex')
  target.sha256 = back.digest('hex')
  refuseDifference('points of the log', source, target)
}

/** By point: how they are cut into records depends on what was read at once. */
function takeRecords(hash: Hash, records: readonly CommittedRecord[]): number {
  let count = 0
  for (const { device, at, values } of records) {
    for (const [key, value] of Object.entries(values)) {
      count += 1
      take(hash, [device, key, at, value])
    }
  }
  return count
}

const take = (hash: Hash, item: readonly unknown[]): void => void hash.update(`${JSON.stringify(item, inOrder)}\n`)
