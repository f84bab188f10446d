import { DeliverySettings, Selection } from '@patchbay/contracts/delivery'
import { Type, type Static } from 'typebox'

const Texts = Type.Array(Type.String())
const PermissionsRecord = Type.Object({
  services: Texts,
  connect: Texts,
  listen: Texts,
  files: Texts,
  contributes: Texts,
  http: Texts,
  isolation: Type.String(),
})

const TierRecord = Type.Union([
  Type.Literal('bundled'),
  Type.Literal('verified'),
  Type.Literal('signed'),
  Type.Literal('unsigned'),
  Type.Literal('linked'),
])

/** One version of a package that lies unpacked in its own folder. */
const ReleaseRecord = Type.Object({
  version: Type.String(),
  /** Of the content: see `hashTree`. */
  sha512: Type.String({ pattern: '^[0-9a-f]{128}$' }),
  tier: TierRecord,
  publisher: Type.Optional(Type.String()),
  /** What it may do; of the version that runs, this is the approval. */
  permissions: PermissionsRecord,
  stagedAt: Type.String(),
  approvedAt: Type.Optional(Type.String()),
  approvedBy: Type.Optional(Type.String()),
  /** Approved to run in the platform's own thread. */
  host: Type.Optional(Type.Literal(true)),
})
export type Release = Static<typeof ReleaseRecord>

const StoredInstanceRecord = Type.Object({
  plugin: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  order: Type.Optional(Type.Integer()),
  select: Type.Optional(Selection),
  delivery: Type.Optional(DeliverySettings),
  config: Type.Record(Type.String(), Type.Unknown()),
  configVersion: Type.Integer(),
  starting: Type.Integer(),
  version: Type.Integer(),
})
const Instances = Type.Array(StoredInstanceRecord)

/**
 * What is kept of an installed plugin: one document, written atomically. It is the journal too. `change` is there from before the first
 * instance stops until the write that makes the other version the current one: whoever finds it at a start goes back to what was.
 */
export const PackageRecord = Type.Object({
  id: Type.String(),
  current: Type.Optional(ReleaseRecord),
  /** For one-call rollback: the version before, and the instances as they were stored under it. */
  previous: Type.Optional(Type.Object({ release: ReleaseRecord, instances: Instances })),
  /** Came in and waits for approval. */
  staged: Type.Optional(ReleaseRecord),
  change: Type.Optional(
    Type.Union([
      Type.Object({ kind: Type.Literal('swap'), instances: Instances }),
      Type.Object({ kind: Type.Literal('remove'), keepData: Type.Boolean() }),
    ]),
  ),
})
export type PackageRecord = Static<typeof PackageRecord>

/** Where the records are kept. Durable when resolved. */
export interface PackageStore {
  list(): Promise<readonly PackageRecord[]>
  put(record: PackageRecord): Promise<void>
  delete(id: string): Promise<void>
}
