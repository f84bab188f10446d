import { collections } from '@patchbay/core/registry/port'
import { follower } from '@patchbay/core/rules/state-keeper'
import type { Stores } from '../parts/stores.ts'
import { copyRegistry, type ToTarget } from './copy-registry.ts'
import { copyDevices, copyTail } from './copy-telemetry.ts'
import { devicesOf, type Fingerprint } from './device-points.ts'
import { CopyError } from './errors.ts'
import { fingerprintOfAll, fingerprintOfRegistry, fingerprintsOfDevices } from './fingerprint.ts'
import { findPlaces } from './places.ts'
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
export async function copyStores(options: CopyOptions): Promise<CopyResult> {
  const { from, to, onProgress, keepEveryPoints = KEEP_EVERY_POINTS } = options
  const source = from.telemetry.writer
  const begun = await readProgress(to.registry)
  if (begun?.source !== source) await refuseTaken(to)
  let progress: Progress = begun?.source === source ? begun : { source, device: '', points: 0 }
  await keepProgress(to.registry, progress)
  const all = (await from.telemetry.stats()).points
  const known = new Map<string, Fingerprint>()
  let { points, points: kept } = progress
  await copyDevices({
    from: from.telemetry,
    to: to.telemetry,
    devices: devicesOf(from.telemetry, progress.device),
    onPoints: (count) => onProgress('telemetry', (points += count), all),
    async onDevice(device, fingerprint) {
      known.set(device, fingerprint)
      progress = { source, device, points: progress.points + fingerprint.count }
      if (progress.points - kept < keepEveryPoints) return
      await keepProgress(to.registry, progress)
      kept = progress.points
    },
  })
  await keepProgress(to.registry, progress)

  const places = await findPlaces(from.registry, from.telemetry.end())
  // What an earlier run has copied of it is copied again.
  await copyTail({ from: from.telemetry, to: to.telemetry, places, onProgress: (...far) => onProgress('tail', ...far) })

  const toTarget = places.toTarget(to.telemetry.writer, to.telemetry.end()[to.telemetry.writer] ?? 0)
  let documents = 0
  for (const collection of collections) documents += await from.registry.count(collection)
  let copied = 0
  await copyRegistry(from.registry, to.registry, toTarget, (count) => {
    onProgress('registry', (copied += count), documents)
  })
  await holdRules(to)

  const result = await check(options, toTarget, known, all)
  await endProgress(to.registry, {
    at: new Date().toISOString(),
    points: result.points.count,
    documents: result.documents.count,
    sha256: result.points.sha256,
  })
  return result
}

/** Retention of the target waits for the rules as that of the source did. */
export async function holdRules({ registry, telemetry }: CopyOptions['to']): Promise<void> {
  const cursor = (await registry.get('meta', follower))?.body['cursor']
  const seq: unknown = typeof cursor === 'object' && cursor !== null ? Reflect.get(cursor, telemetry.writer) : undefined
  if (typeof seq === 'number') await telemetry.holdCommitted(follower, { [telemetry.writer]: seq })
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

export function refuseDifference(what: string, source: Fingerprint, target: Fingerprint): void {
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
