import { MongoClient, type Db } from 'mongodb'
import { toUnavailable } from './failure.ts'

/** Where everything lies when the address names no database. */
const DEFAULT_DATABASE = 'patchbay'
/** A call waits so long for a server before it says that there is none; whoever waits for an answer waits 10 s at most. */
const SELECT_MS = 4_000
const CONNECT_MS = 4_000
/** A server that answers nothing for so long is given up with its connection. */
const SOCKET_MS = 30_000
/** How often a server that is away is looked for, so that one that comes back is used within a second. */
const HEARTBEAT_MS = 1_000
const MAX_CONNECTIONS = 20

export interface MongoLink {
  readonly client: MongoClient
  readonly db: Db
  close(): Promise<void>
}

export interface MongoLinkOptions {
  url: string
  /** No server can be written any more, and one can again. Not told before the first connection. */
  onState?: (state: 'lost' | 'ready') => void
}

/**
 * Connects to `mongodb://` or `mongodb+srv://`. Writes ask for the majority's journal whatever the address says: nothing less is what an
 * acknowledgement means.
 */
export async function connectMongo({ url, onState }: MongoLinkOptions): Promise<MongoLink> {
  const client = new MongoClient(url, {
    appName: 'patchbay',
    maxPoolSize: MAX_CONNECTIONS,
    serverSelectionTimeoutMS: SELECT_MS,
    connectTimeoutMS: CONNECT_MS,
    socketTimeoutMS: SOCKET_MS,
    heartbeatFrequencyMS: HEARTBEAT_MS,
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    retryWrites: true,
    retryReads: true,
    ignoreUndefined: true,
    promoteBuffers: true,
  })
  let known = false
  let writable = false
  // Not by heartbeats of single servers: a secondary that is away takes nothing from anybody.
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const now = [...newDescription.servers.values()].some((server) => server.isWritable)
    if (known && now !== writable) onState?.(now ? 'ready' : 'lost')
    writable = now
    known ||= now
  })
  try {
    await client.connect()
  } catch (error) {
    await client.close().catch(() => undefined)
    throw toUnavailable(error)
  }
  const named = new URL(url.replace(/^mongodb(\+srv)?:\/\/[^/?]*/, 'http://h')).pathname.slice(1)
  return {
    client,
    db: client.db(named === '' ? DEFAULT_DATABASE : decodeURIComponent(named)),
    close() {
      client.removeAllListeners('topologyDescriptionChanged')
      return client.close()
    },
  }
}
