import type { IClientOptions } from 'mqtt'
import { connectMqtt, type TestClient } from './mqtt-client.ts'
import { makeDataFolder, startServer, type ServerProcess } from './server-process.ts'

/** A platform among those that share a Redis. */
export interface SharedNode {
  readonly server: ServerProcess
  /** A client of the open topics. */
  connect(options?: IClientOptions): Promise<TestClient>
  close(): Promise<void>
}

/** One node, with everything but what goes through Redis in a folder of its own. */
export async function startNode(env: Record<string, string>): Promise<SharedNode> {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path, env: { PATCHBAY_OPEN_TOPICS: '#', ...env } })
  return {
    server,
    connect(options = {}) {
      const { port } = server
      const { username: _user, password: _password, ...rest } = { username: undefined, password: undefined, ...options }
      return connectMqtt(
        port,
        { id: '', secret: '' },
        { ...rest, username: undefined as never, password: undefined as never },
      )
    },
    async close() {
      await server.kill()
      await data.remove()
    },
  }
}
