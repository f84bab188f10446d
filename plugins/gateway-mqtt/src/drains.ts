import type { KeyValue } from '@patchbay/sdk'
import type { Configuration } from './configuration.ts'
import type { Node } from './node.ts'
import { findUpstream } from './simulation.ts'

/** Nodes that are being emptied: kept, so that a restart does not send clients back to them. */
export interface Drains {
  /** Puts what is kept to the nodes of a new configuration. `isWhole`: what is not in it now is gone, and is forgotten. */
  apply(configuration: Configuration, isWhole: boolean): Promise<void>
  /** Durable when it resolves; 0 ends it. undefined = there is no such node. */
  set(configuration: Configuration, upstream: string, node: string, perSecond: number): Promise<Node | undefined>
}

const storeKey = 'drains'
/** More nodes than that are not emptied at once. */
const maxDrains = 1_000
interface Drain {
  upstream: string
  node: string
  perSecond: number
}

const isDrain = (value: unknown): value is Drain =>
  typeof value === 'object' &&
  value !== null &&
  'upstream' in value &&
  typeof value.upstream === 'string' &&
  'node' in value &&
  typeof value.node === 'string' &&
  'perSecond' in value &&
  typeof value.perSecond === 'number' &&
  value.perSecond > 0

export async function openDrains(store: KeyValue): Promise<Drains> {
  const read: unknown = await store.get(storeKey)
  let kept: readonly Drain[] = Array.isArray(read) ? read.filter(isDrain) : []
  let writing: Promise<void> = Promise.resolve()

  const save = (next: readonly Drain[]): Promise<void> => {
    kept = next
    const written = writing.then(() => store.set(storeKey, next))
    // The next write waits for this one, whatever became of it.
    writing = written.catch(() => undefined)
    return written
  }
  const nodeOf = (configuration: Configuration, { upstream, node }: Omit<Drain, 'perSecond'>): Node | undefined =>
    findUpstream(configuration, upstream)?.nodes.find(({ name }) => name === node)

  return {
    async apply(configuration, isWhole) {
      const found = kept.filter((drain) => {
        const node = nodeOf(configuration, drain)
        if (node) node.draining = drain.perSecond
        return node !== undefined || !isWhole
      })
      if (found.length < kept.length) await save(found)
    },
    async set(configuration, upstream, name, perSecond) {
      const node = nodeOf(configuration, { upstream, node: name })
      const key = findUpstream(configuration, upstream)?.key
      if (!node || key === undefined) return undefined
      const others = kept.filter((each) => each.upstream !== key || each.node !== name).slice(0, maxDrains - 1)
      await save(perSecond === 0 ? others : [...others, { upstream: key, node: name, perSecond }])
      node.draining = perSecond
      return node
    },
  }
}
