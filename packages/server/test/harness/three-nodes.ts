import { randomBytes } from 'node:crypto'
import { createApi } from './api.ts'
import { makeDataFolder, type ServerProcess, startServer } from './server-process.ts'

export interface TestNode {
  server: ServerProcess
  api: ReturnType<typeof createApi>
  data: string
}

/** Platforms on the same stores, each with a data folder of its own. */
export async function startNodes(count: number, url: string, env: Record<string, string> = {}) {
  const masterKey = randomBytes(32).toString('base64')
  const nodes: TestNode[] = []
  const folders: Awaited<ReturnType<typeof makeDataFolder>>[] = []
  async function start(data: string, more: Record<string, string> = {}): Promise<TestNode> {
    const server = await startServer({
      data,
      env: { MONGODB_URL: url, PATCHBAY_MASTER_KEY: masterKey, ...env, ...more },
    })
    return { server, api: createApi(server.url), data }
  }
  async function add(more: Record<string, string> = {}): Promise<TestNode> {
    const folder = await makeDataFolder()
    folders.push(folder)
    const node = await start(folder.path, more)
    nodes.push(node)
    return node
  }
  for (let i = 0; i < count; i++) await add()
  return {
    nodes,
    add,
    /** The same data folder once more. */
    async again(node: TestNode, more: Record<string, string> = {}): Promise<void> {
      Object.assign(node, await start(node.data, more))
    },
    async end(): Promise<void> {
      await Promise.all(nodes.map(({ server }) => server.kill()))
      for (const folder of folders) await folder.remove()
    },
  }
}
export type TestNodes = Awaited<ReturnType<typeof startNodes>>
