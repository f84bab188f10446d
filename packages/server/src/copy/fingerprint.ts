import { createHash, type Hash } from 'node:crypto'
import { collections, type Body, type RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { documentsOf, type ToTarget } from './copy-registry.ts'

const PAGE_POINTS = 10_000

/** Counts, and a SHA-256 over all that was counted. */
export interface Fingerprint {
  count: number
  sha256: string
}

/** Of every document, by collection and id. Keys are taken in order: a store may keep them in another one. */
export async function fingerprintOfRegistry(registry: RegistryStore, as: ToTarget): Promise<Fingerprint> {
  const hash = createHash('sha256')
  let count = 0
  for (const collection of collections) {
    for await (const page of documentsOf(registry, collection)) {
      for (const document of page) {
        count++
        const body: Body = as(collection, document)
        take(hash, [collection, document.id, body])
      }
    }
  }
  return { count, sha256: hash.digest('hex') }
}

/** Of every point of the devices, by time and key. */
export async function fingerprintOfTelemetry(
  telemetry: TelemetryStore,
  devices: Iterable<string>,
  onPage: (points: number) => void,
): Promise<Fingerprint> {
  const hash = createHash('sha256')
  let count = 0
  for (const device of [...devices].toSorted()) {
    let cursor: string | undefined
    do {
      const page = await telemetry.raw({
        device,
        from: Number.MIN_SAFE_INTEGER,
        to: Number.MAX_SAFE_INTEGER,
        limit: PAGE_POINTS,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { key, at, value } of page.items) take(hash, [device, key, at, value])
      count += page.items.length
      onPage(page.items.length)
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }
  return { count, sha256: hash.digest('hex') }
}

function take(hash: Hash, item: readonly unknown[]): void {
  // JSON tells -0 from 0 no more than any reader of the API can.
  hash.update(JSON.stringify(item, inOrder)).update('\n')
}

const inOrder = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
