import { createHash } from 'node:crypto'
import { collections, type RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { documentsOf, type ToTarget } from './copy-registry.ts'
import { createPointsHash, devicesOf, type Fingerprint, inOrder, pointsOf } from './device-points.ts'
import { inTurn } from './in-turn.ts'

const DEVICES_AT_ONCE = 4

/** Of every document, by collection and id. */
export async function fingerprintOfRegistry(registry: RegistryStore, as: ToTarget): Promise<Fingerprint> {
  const hash = createHash('sha256')
  let count = 0
  for (const collection of collections) {
    for await (const page of documentsOf(registry, collection)) {
      for (const document of page) {
        count++
        hash.update(JSON.stringify([collection, document.id, as(collection, document)], inOrder)).update('\n')
      }
    }
  }
  return { count, sha256: hash.digest('hex') }
}

/** Of each device's points; those that are `known` are not read. */
export async function fingerprintsOfDevices(
  telemetry: TelemetryStore,
  onPoints: (points: number) => void,
  known: ReadonlyMap<string, Fingerprint> = new Map(),
): Promise<Map<string, Fingerprint>> {
  const all = new Map<string, Fingerprint>()
  const read = inTurn(devicesOf(telemetry), DEVICES_AT_ONCE, async (device) => {
    const found = known.get(device)
    if (found) {
      onPoints(found.count)
      return { device, fingerprint: found }
    }
    const hash = createPointsHash()
    for await (const points of pointsOf(telemetry, device)) {
      hash.take(points)
      onPoints(points.length)
    }
    return { device, fingerprint: hash.done() }
  })
  for await (const { device, fingerprint } of read) if (fingerprint.count > 0) all.set(device, fingerprint)
  return all
}

/** Of all points, by device. */
export function fingerprintOfAll(devices: ReadonlyMap<string, Fingerprint>): Fingerprint {
  const hash = createHash('sha256')
  let all = 0
  for (const [device, { count, sha256 }] of [...devices].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    all += count
    hash.update(`${device} ${count} ${sha256}\n`)
  }
  return { count: all, sha256: hash.digest('hex') }
}
