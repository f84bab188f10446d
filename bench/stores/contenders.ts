import { randomBytes } from 'node:crypto'
import { MongoClient } from 'mongodb'
import { type Patchbay, startPatchbay } from '../host/patchbay.ts'

/** Platforms that share their stores, or one by itself. */
export interface Cluster {
  readonly nodes: readonly Patchbay[]
  stop(): Promise<void>
}

export interface Contender {
  readonly name: string
  start(): Promise<Cluster>
}

const embedded: Contender = {
  name: 'embedded',
  async start() {
    const node = await startPatchbay()
    return { nodes: [node], stop: () => node.stop() }
  },
}

/** The servers that there are decide who takes part; answers what is left out, too. */
export function findContenders(
  counts: readonly number[],
  env: Readonly<Record<string, string | undefined>>,
): { contenders: Contender[]; missing: string[] } {
  const [mongodb, redis] = [env['MONGODB_URL'], env['REDIS_URL']]
  const contenders = [embedded]
  const missing: string[] = []
  for (const count of counts) {
    const name = `MongoDB, ${count} ${count === 1 ? 'node' : 'nodes'}`
    if (!mongodb) missing.push(`${name}: no MONGODB_URL`)
    else if (count > 1 && !redis) missing.push(`${name}: no REDIS_URL`)
    else contenders.push({ name, start: () => startOnMongo(count, mongodb, count > 1 ? redis : '') })
  }
  return { contenders, missing }
}

async function startOnMongo(count: number, server: string, redis = ''): Promise<Cluster> {
  const database = `patchbay-bench-${randomBytes(6).toString('hex')}`
  const [, head = '', query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(server) ?? []
  const settings = {
    MONGODB_URL: `${head}/${database}${query}`,
    REDIS_URL: redis,
    PATCHBAY_API_KEY: randomBytes(24).toString('hex'),
    PATCHBAY_MASTER_KEY: randomBytes(32).toString('base64'),
  }
  const nodes: Patchbay[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
    const client = await MongoClient.connect(settings.MONGODB_URL)
    await client.db(database).dropDatabase()
    await client.close()
  }
  try {
    for (let i = 0; i < count; i++) nodes.push(await startPatchbay([], settings))
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, stop }
}
