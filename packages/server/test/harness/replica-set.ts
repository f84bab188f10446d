import { MongoServerError } from 'mongodb'
import { connectMongo } from '../../src/stores/mongodb/connection.ts'

/** A true replica set of three members or more, by a user who may step its primary down (the role `clusterManager`). */
export const replicaSetUrl: string | undefined = process.env['MONGODB_REPLICA_SET_URL']
/** Why suites that need an election are left out; undefined = they run. */
export const noReplicaSet: string | undefined = replicaSetUrl
  ? undefined
  : 'skipped, waits for a MONGODB_REPLICA_SET_URL (a true replica set; FerretDB has none)'

export interface ReplicaSet {
  /** Who is the primary now. */
  primary(): Promise<string>
  /** Has another one elected; at once without waiting for the others when `force`, so that what only the old one has is rolled back. */
  stepDown(force: boolean): Promise<void>
  close(): Promise<void>
}

/** The old primary does not stand again for so long. */
const STEPPED_DOWN_S = 10

export async function openReplicaSet(url: string): Promise<ReplicaSet> {
  const link = await connectMongo({ url })
  const admin = link.client.db('admin')
  const { setName, hosts } = await admin.command({ hello: 1 })
  if (typeof setName !== 'string' || !Array.isArray(hosts) || hosts.length < 3) {
    await link.close()
    throw new Error('MONGODB_REPLICA_SET_URL leads to no replica set of three members')
  }
  return {
    async primary() {
      const { primary } = await admin.command({ hello: 1 })
      return String(primary)
    },
    async stepDown(force) {
      try {
        const catchUp = force ? 0 : 5
        await admin.command({ replSetStepDown: STEPPED_DOWN_S, secondaryCatchUpPeriodSecs: catchUp, force })
      } catch (error) {
        // The connection may end with the answer; a refusal is told.
        if (
          error instanceof MongoServerError &&
          error.code !== undefined &&
          !error.hasErrorLabel('RetryableWriteError')
        )
          throw error
      }
    },
    close: () => link.close(),
  }
}
