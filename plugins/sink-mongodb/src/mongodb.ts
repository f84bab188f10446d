import type { Sink, SinkRecord, WriteAnswer } from '@patchbay/sdk'
import {
  answerOfWrite,
  createTargetGuard,
  groupByName,
  type OpenedSink,
  toReply,
  within,
  WriteRefused,
} from '@patchbay/sdk/sink'
import { type AnyBulkWriteOperation, BSON, MongoBulkWriteError, MongoClient, MongoInvalidArgumentError } from 'mongodb'
import { databaseOf } from './address.ts'
import { readCollection } from './collection-name.ts'
import { openReadings, type Readings } from './collection.ts'
import type { Config } from './config.ts'
import { idOf, type Reading, toReading } from './documents.ts'

/** A try waits so long for a server before it says that there is none. */
const selectMs = 4000
/** Less than a try gets, so that it ends before the next begins. */
const socketMs = 25_000
/** How often a server that is away is looked for. */
const heartbeatMs = 1000
const maxConnections = 4
/** Collections that are remembered as made; asking again costs some calls. */
const maxCollections = 1000

const duplicateKey = 11_000

/** Puts the values of a document into the one that is there: another record of the same device and time may have brought other keys. */
const toMerge = ({ _id, values, ...rest }: Reading): AnyBulkWriteOperation<Reading> => ({
  updateOne: {
    filter: { _id },
    // Literals: keys of devices may look like operators or paths.
    update: [{ $set: { ...literals(rest), values: { $mergeObjects: ['$values', { $literal: values }] } } }],
    upsert: true,
  },
})

const literals = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { $literal: value }]))

/** What the driver cannot put into BSON, such as a key with a NUL: the server never sees it. */
const isUnspeakable = (error: unknown): boolean =>
  error instanceof BSON.BSONError || error instanceof MongoInvalidArgumentError

export interface OpenMongodb extends OpenedSink {
  close(): Promise<void>
}

export function openMongodb(values: Config, stop: AbortSignal): OpenMongodb {
  const { url, username, password } = values
  const secrets = [password]
  const client = new MongoClient(url, {
    appName: 'patchbay-sink',
    maxPoolSize: maxConnections,
    serverSelectionTimeoutMS: selectMs,
    connectTimeoutMS: selectMs,
    socketTimeoutMS: socketMs,
    heartbeatFrequencyMS: heartbeatMs,
    writeConcern: { w: 'majority', journal: true },
    retryWrites: true,
    lookup: createTargetGuard('all').lookup,
    ...(values.ca ? { ca: values.ca } : {}),
    ...(username ? { auth: { username, password: password ?? '' } } : {}),
  })
  const template = readCollection(values.collection)
  const openings = new Map<string, Promise<Readings>>()
  const open = (collection: string): Promise<Readings> => {
    const known = openings.get(collection)
    if (known) return known
    if (openings.size >= maxCollections) openings.clear()
    const opening = openReadings(client.db(databaseOf(url)), { ...values, collection })
    openings.set(collection, opening)
    // What could not be made is made by the next try.
    opening.catch(() => openings.delete(collection))
    return opening
  }

  /** Inserts what is new and answers the places of what was there already, and of what was refused. */
  async function insert(
    { collection }: Readings,
    documents: readonly Reading[],
  ): Promise<{ again: number[]; refused: Map<number, string> }> {
    const again: number[] = []
    const refused = new Map<number, string>()
    try {
      await collection.insertMany(documents, { ordered: false })
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error
      const failed = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
      // Without a bad document it is the whole write that did not reach enough servers.
      if (failed.length === 0) throw error
      for (const { index, code, errmsg } of failed) {
        if (code === duplicateKey) again.push(index)
        else refused.set(index, toReply(`${code} ${errmsg ?? ''}`, secrets))
      }
    }
    return { again, refused }
  }

  async function write(records: readonly SinkRecord[]): Promise<WriteAnswer> {
    const refused = new Map<number, string>()
    for (const group of groupByName(records, template)) {
      const readings = await open(group.name)
      const documents = group.records.map(toReading)
      const said = await insert(readings, documents)
      const merges = said.again.flatMap((index) => documents[index] ?? []).map(toMerge)
      if (merges.length > 0) await readings.collection.bulkWrite(merges)
      for (const [at, reply] of said.refused) refused.set(group.indices[at] ?? at, reply)
    }
    if (refused.size === 0) return { outcome: 'delivered' }
    return { outcome: 'partial', refused: [...refused].map(([index, reply]) => ({ index, reply })), retry: [] }
  }

  const sink: Sink = {
    write: (records, { signal }) =>
      answerOfWrite(async () => {
        const ended = AbortSignal.any([stop, signal])
        ended.throwIfAborted()
        try {
          // What comes later all the same is the same document again.
          return await within(write(records), socketMs, ended, 'No answer')
        } catch (error) {
          if (isUnspeakable(error)) throw new WriteRefused(error instanceof Error ? error.message : String(error))
          throw error
        }
      }, secrets),
  }
  return {
    sink,
    async readBack(probe) {
      const { collection, knowsAgain } = await open(template.of(probe))
      const found = await collection.findOne({ device: probe.device, _id: idOf(probe) })
      if (!found) throw new Error('The server took a document, but it is not there.')
      await collection.deleteMany({ device: probe.device })
      const { version } = await client.db('admin').command({ buildInfo: 1 })
      const kind = knowsAgain ? 'collection' : 'time-series collection'
      return `MongoDB ${String(version)} took a document into the ${kind} ${collection.namespace}, and it was read back and deleted.`
    },
    close: () => client.close(),
  }
}
