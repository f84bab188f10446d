import { NodeLoad, NodeRole } from '@patchbay/contracts/node'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { RegistryStore, Stored } from '../registry/port.ts'
import { nodeLimits } from './limits.ts'

/** Nodes and leases lie in `meta`, so that no store needs a newer version for them. */
const prefix = 'node/'

/** A node as it tells of itself; the document's version is its beat. */
export const NodeRecord = Type.Object({
  name: Type.String(),
  version: Type.String(),
  roles: Type.Array(NodeRole),
  address: Type.String(),
  /** One life of its process: what an earlier life held is not this one's. */
  session: Type.String(),
  /** ISO 8601, by the node's clock: for people, nothing is decided by them. */
  startedAt: Type.String(),
  seenAt: Type.String(),
  load: Type.Optional(NodeLoad),
  /** Another node watched it for long enough and declared it gone. */
  gone: Type.Optional(Type.Literal(true)),
})
export type NodeRecord = Static<typeof NodeRecord>

export interface StoredNode {
  id: string
  beat: number
  record: NodeRecord
}

export const toNodeDocument = (id: string): string => `${prefix}${id}`

export const toStoredNode = ({ id, version, body }: Stored): StoredNode | undefined =>
  Value.Check(NodeRecord, body) ? { id: id.slice(prefix.length), beat: version, record: body } : undefined

export async function readNodes(registry: Pick<RegistryStore, 'list'>): Promise<StoredNode[]> {
  const { items } = await registry.list('meta', { prefix, limit: nodeLimits.nodes })
  return items.map(toStoredNode).filter((node) => node !== undefined)
}
