import { nodeLimits } from '@patchbay/core/nodes/limits'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Db } from 'mongodb'

interface NodeDocument {
  _id: string
  v: number
  body?: { name?: string; version?: string; gone?: boolean }
}

/** Rejects while nodes run on the database that would meet a layout which they do not know. Waits as long as nodes wait for each other. */
export async function refuseWhileNodesRun(db: Db, what: string): Promise<void> {
  const read = async () => {
    const found = await db
      .collection<NodeDocument>('meta')
      .find({ _id: { $gte: 'node/', $lt: 'node0' } })
      .toArray()
    return new Map(found.filter(({ body }) => !body?.gone).map((node) => [node._id, node]))
  }
  const before = await read()
  if (before.size === 0) return
  const until = performance.now() + nodeLimits.awayMs
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, nodeLimits.lookMs / 2))
    for (const [id, { v, body }] of await read()) {
      if (v === before.get(id)?.v) continue
      const node = `${body?.name ?? 'a node'} (version ${body?.version ?? 'unknown'})`
      throw new StoreUnavailable(
        `${what} must be changed for this version, and ${node} runs, which would not know it: stop all nodes, then start this one`,
      )
    }
  }
}
