import { collections, type RegistryStore } from '@patchbay/core/registry/port'
import { follower } from '@patchbay/core/rules/state-keeper'
import type { CommitCursor, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Stores } from '../parts/stores.ts'
import { copyRegistry, documentsOf, type ToTarget } from './copy-registry.ts'
import { copyTelemetry } from './copy-telemetry.ts'
import { CopyError } from './errors.ts'
import { type Fingerprint, fingerprintOfRegistry, fingerprintOfTelemetry } from './fingerprint.ts'
import { findPlaces, type Places } from './places.ts'
import { endProgress, keepProgress, readProgress } from './progress.ts'

export type CopyStep = 'telemetry' | 'registry' | 'checking'

export interface CopyOptions {
  from: Pick<Stores, 'registry' | 'telemetry'>
  to: Pick<Stores, 'registry' | 'telemetry'>
  /** `done` of about `all`: points, documents, or points read back. */
  onProgress(step: CopyStep, done: number, all: number): void
}

export interface CopyResult {
  points: Fingerprint
  documents: Fingerprint
}

/**
 * Copies everything from one store into an empty one, while no platform has either open, and reads both back. May be killed at any
 * point: run again it goes on, and until it has ended no platform starts on the target.
 */
export async function copyStores({ from, to, onProgress }: CopyOptions): Promise<CopyResult> {
  const source = from.telemetry.writer
  const end = from.telemetry.end()
  await refuseBehind(from.registry, end)
  const begun = await readProgress(to.registry)
  if (begun?.source !== source) await refuseTaken(to)
  let progress = begun?.source === source ? begun : { source, cursor: {}, points: 0, places: {} }
  await keepProgress(to.registry, progress)
  const places = await findPlaces(from.registry, progress.places)

  const all = (await from.telemetry.stats()).points
  await copyTelemetry({
    from: from.telemetry,
    to: to.telemetry,
    cursor: progress.cursor,
    async onPage({ cursor, records, points, last }) {
      places.copied(records, points, last)
      progress = { source, cursor, points: progress.points + points, places: places.known() }
      await keepProgress(to.registry, progress)
      onProgress('telemetry', progress.points, all)
    },
  })

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

  const result = await check({ from, to, onProgress }, toTarget, all)
  await endProgress(to.registry)
  return result
}

async function check({ from, to, onProgress }: CopyOptions, toTarget: ToTarget, all: number): Promise<CopyResult> {
  const documents = await fingerprintOfRegistry(from.registry, toTarget)
  refuseDifference('documents', documents, await fingerprintOfRegistry(to.registry, (_, { body }) => body))
  const devices = new Set<string>()
  for await (const page of documentsOf(from.registry, 'devices')) for (const { id } of page) devices.add(id)
  let read = 0
  const onPage = (points: number) => onProgress('checking', (read += points), 2 * all)
  const points = await fingerprintOfTelemetry(from.telemetry, devices, onPage)
  refuseDifference('points', points, await fingerprintOfTelemetry(to.telemetry, devices, onPage))
  return { points, documents }
}

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
    return collection === 'meta' ? places.translate(id, body, telemetry.writer) : body
  }
}
