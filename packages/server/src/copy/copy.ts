import { collections, type RegistryStore } from '@patchbay/core/registry/port'
import { follower } from '@patchbay/core/rules/state-keeper'
import type { CommitCursor, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Stores } from '../parts/stores.ts'
import { copyRegistry, type ToTarget } from './copy-registry.ts'
import { copyDevices, copyTail } from './copy-telemetry.ts'
import { devicesOf, type Fingerprint } from './device-points.ts'
import { CopyError } from './errors.ts'
import { fingerprintOfAll, fingerprintOfRegistry, fingerprintsOfDevices } from './fingerprint.ts'
import { findPlaces, type Places } from './places.ts'
import { endProgress, keepProgress, type Progress, readProgress } from './progress.ts'

/** Between two notes of how far it is. */
const KEEP_EVERY_POINTS = 50_000

export type CopyStep = 'telemetry' | 'tail' | 'registry' | 'checking'

export interface CopyOptions {
  from: Pick<Stores, 'registry' | 'telemetry'>
  to: Pick<Stores, 'registry' | 'telemetry'>
  /** `done` of about `all`: points, points that a sink has not had, documents, or points read back. */
  onProgress(step: CopyStep, done: number, all: number): void
  /** For tests. */
  keepEveryPoints?: number
}

export interface CopyResult {
  points: Fingerprint
  documents: Fingerprint
}

/**
 * Copies everything from one store into an empty one, while no platform has either open, and reads both back. May be killed at any
 * point: run again it goes on, and until it has ended no platform starts on the target.
 */
export async function copyStores({
  from,
  to,
  onProgress,
  keepEveryPoints = KEEP_EVERY_POINTS,
}: CopyOptions): Promise<CopyResult> {
  const source = from.telemetry.writer
  const end = from.telemetry.end()
  await refuseBehind(from.registry, end)
  const begun = await readProgress(to.registry)
  if (begun?.source !== source) await refuseTaken(to)
  let progress: Progress = begun?.source === source ? begun : { source, device: '', points: 0, places: {} }
  await keepProgress(to.registry, progress)
  const all = (await from.telemetry.stats()).points
  const known = new Map<string, Fingerprint>()
  if (progress.device !== undefined) {
    const { points: before, device } = progress
    let points = before
    let kept = before
    await copyDevices({
      from: from.telemetry,
      to: to.telemetry,
      devices: devicesOf(from.telemetry, device),
      onPoints: (count) => onProgress('telemetry', (points += count), all),
      async onDevice(last, fingerprint) {
        known.set(last, fingerprint)
        progress = { ...progress, device: last, points: progress.points + fingerprint.count }
        if (progress.points - kept < keepEveryPoints) return
        await keepProgress(to.registry, progress)
        kept = progress.points
      },
    })
    const { device: _, ...rest } = progress
    progress = rest
  }

  const places = await findPlaces(from.registry, end, progress.places)
  if (places.tail) {
    progress = { ...progress, cursor: progress.cursor ?? places.tail }
    await keepProgress(to.registry, progress)
    await copyTail({
      from: from.telemetry,
      to: to.telemetry,
      cursor: progress.cursor ?? places.tail,
      async onPage({ cursor, records, points, last }) {
        places.copied(records, points, last)
        progress = { ...progress, cursor, places: places.known() }
        await keepProgress(to.registry, progress)
        onProgress('tail', distance(places.tail, cursor), distance(places.tail, end))
      },
    })
  }

  const toTarget = createTranslation(to.telemetry, places)
  let documents = 0
  for (const collection of collections) documents += await from.registry.count(collection)
  let copied = 0
  await copyRegistry(from.registry, to.registry, toTarget, (count) => {
    onProgress('registry', (copied += count), documents)
  })
  // Retention of the target waits for the rules as that of the source did.
  const rules = await to.registry.get('meta', follower)
  if (rules) await to.telemetry.holdCommitted(follower, to.telemetry.end())

  const result = await check({ from, to, onProgress }, toTarget, known, all)
  await endProgress(to.registry)
  return result
}

async function check(
  { from, to, onProgress }: CopyOptions,
  toTarget: ToTarget,
  known: ReadonlyMap<string, Fingerprint>,
  all: number,
): Promise<CopyResult> {
  const documents = await fingerprintOfRegistry(from.registry, toTarget)
  refuseDifference('documents', documents, await fingerprintOfRegistry(to.registry, (_, { body }) => body))
  let read = 0
  const onPoints = (points: number) => onProgress('checking', (read += points), 2 * all)
  // What was read while it was copied is not read again; where an earlier run was cut off, what that one read is.
  const points = fingerprintOfAll(await fingerprintsOfDevices(from.telemetry, onPoints, known))
  refuseDifference('points', points, fingerprintOfAll(await fingerprintsOfDevices(to.telemetry, onPoints)))
  return { points, documents }
}

const distance = (from: CommitCursor = {}, to: CommitCursor = {}): number =>
  Object.entries(to).reduce((sum, [writer, seq]) => sum + Math.max(0, seq - (from[writer] ?? 0)), 0)

function refuseDifference(what: string, source: Fingerprint, target: Fingerprint): void {
  if (source.count === target.count && source.sha256 === target.sha256) return
  const counts = `${source.count} ${what} in the source, ${target.count} in the target`
  throw new CopyError(
    'COPY_DIFFERS',
    `${counts}, SHA-256 ${source.sha256} and ${target.sha256}: empty the target and copy again`,
  )
}

async function refuseTaken({ registry, telemetry }: CopyOptions['to']): Promise<void> {
  const said = 'copy into an empty store: give another database, or move the files of the old one away'
  for (const collection of collections) {
    const found = await registry.count(collection)
    if (found > 0)
      throw new CopyError('COPY_TARGET_TAKEN', `the target holds ${found} documents in ${collection}; ${said}`)
  }
  const { points } = await telemetry.stats()
  if (points > 0) throw new CopyError('COPY_TARGET_TAKEN', `the target holds ${points} points; ${said}`)
}

/** Rules that had not taken in everything would stand at a place that the other log does not have. */
async function refuseBehind(registry: RegistryStore, end: CommitCursor): Promise<void> {
  const cursor = (await registry.get('meta', follower))?.body['cursor']
  if (typeof cursor !== 'object' || cursor === null) return
  // By the writers that it names: who reads a database from another folder writes under another name.
  if (Object.entries(cursor).every(([writer, at]) => at === (end[writer] ?? 0))) return
  throw new CopyError(
    'COPY_SOURCE_BEHIND',
    'the rules have not seen the newest points: start Patchbay on the source once, stop it, and copy again',
  )
}

function createTranslation(telemetry: TelemetryStore, places: Places): ToTarget {
  const cursor = telemetry.end()
  const last = cursor[telemetry.writer] ?? 0
  return (collection, { id, body }) => {
    if (collection === 'meta' && id === follower) return { ...body, cursor }
    // All that it knows of lies before the end, which is where the rules go on.
    if (collection === 'rule_states') return { ...body, seq: last }
    return collection === 'meta' ? places.translate(id, body, telemetry.writer, last) : body
  }
}
