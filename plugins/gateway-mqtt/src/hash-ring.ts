import { crc32 } from 'node:zlib'

/** Points on the ring for each unit of weight. */
export const pointsPerWeight = 160

export interface RingNode {
  readonly host: string
  readonly port: number
  readonly weight: number
}

/** Points in ascending order, and whose each is. Nodes stay on it while they are down: only their own clients move. */
export interface HashRing {
  readonly size: number
  /** Point and node (its index) at a place of the ring, for drawing it. */
  at(place: number): { point: number; node: number }
  /** The node of the first point that is not below the hash, and that `usable` takes; past the last point comes the first. */
  pick(hash: number, usable: (node: number) => boolean): number | undefined
  /** The part of all hashes that a node gets while every node is up. */
  arc(node: number): number
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Weights over their greatest common divisor. All zero: there is nothing to prefer, so each is 1. */
export function reduceWeights(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0)
  return weights.map((weight) => (divisor === 0 ? 1 : weight / divisor))
}

/** Hashes are below this. */
export const hashSpace = 2 ** 32
/** Nodes of one ring; 32 bits of a point and 16 of its node are exact in a double. */
const nodeSpace = 2 ** 16

/** The key's place on the ring. */
export const hashOf = (key: Uint8Array | string): number => crc32(key)

/**
 * Places nodes on the ring as APISIX does: node name = host, NUL, port; point i = CRC32 of the name and the point before it as four
 * little-endian bytes, the first one after 0.
 */
export function createHashRing(nodes: readonly RingNode[]): HashRing {
  const weights = reduceWeights(nodes.map(({ weight }) => weight))
  const count = weights.reduce((sum, weight) => sum + weight, 0) * pointsPerWeight
  // Point and node in one number, so that a big ring needs no object a point.
  const all = new Float64Array(count)
  let made = 0
  for (const [node, { host, port }] of nodes.entries()) {
    const name = Buffer.from(`${host}\0${port}0000`)
    let point = 0
    for (let index = 0; index < pointsPerWeight * (weights[node] ?? 0); index++) {
      name.writeUInt32LE(point, name.length - 4)
      point = crc32(name)
      all[made++] = point * nodeSpace + node
    }
  }
  all.sort()
  const points = Uint32Array.from(all, (packed) => Math.floor(packed / nodeSpace))
  const owners = Uint16Array.from(all, (packed) => packed % nodeSpace)
  const size = points.length

  return {
    size,
    at: (place) => ({ point: points[place] ?? 0, node: owners[place] ?? 0 }),
    pick(hash, usable) {
      let low = 0
      let high = size
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((points[middle] ?? 0) < hash) low = middle + 1
        else high = middle
      }
      for (let step = 0; step < size; step++) {
        const owner = owners[(low + step) % size] ?? 0
        if (usable(owner)) return owner
      }
      return undefined
    },
    arc(node) {
      let total = 0
      for (let place = 0; place < size; place++) {
        if (owners[place] !== node) continue
        // The first point also owns what lies past the last one.
        const before = place === 0 ? (points[size - 1] ?? 0) - hashSpace : (points[place - 1] ?? 0)
        total += (points[place] ?? 0) - before
      }
      return total / hashSpace
    },
  }
}
