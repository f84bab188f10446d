import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const program = 'redis-server'
const isOnPath = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

/** Why suites that start and kill a Redis of their own are left out; undefined = they run. */
export const noOwnRedis: string | undefined = isOnPath ? undefined : 'skipped, no redis-server on the PATH'
/** A Redis that was started for the tests. */
const givenUrl = process.env['REDIS_URL']
/** Why suites on any Redis are left out. */
export const noRedis: string | undefined =
  isOnPath || givenUrl ? undefined : 'skipped, no redis-server on the PATH and no REDIS_URL'

export interface RedisServer {
  readonly url: string
  /** kill -9; what its log file holds stays. */
  kill(): Promise<void>
  /** On the same port and data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

/** Any Redis: one of the test's own, else that of REDIS_URL. */
export const findRedis = async (): Promise<{ url: string; stop(): Promise<void> }> =>
  isOnPath || givenUrl === undefined ? startRedis() : { url: givenUrl, stop: async () => undefined }

/** A Redis of the test's own, set as docs/operate.md asks for. */
export const startRedis = async ({
  args = [],
  tls = false,
}: { args?: readonly string[]; tls?: boolean } = {}): Promise<RedisServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const ports = tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]
    const settings = [...ports, '--bind', '127.0.0.1', '--dir', folder, '--save', '']
    const safe = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
    const mine = spawn(program, [...settings, ...safe, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    child = mine
    await new Promise<void>((resolve, reject) => {
      let text = ''
      mine.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (/Ready to accept connections/.test(text)) resolve()
      })
      mine.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${text}`)))
    })
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const mine = child
    if (!mine || mine.exitCode !== null || mine.signalCode !== null) return
    mine.kill(signal)
    await once(mine, 'exit')
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    restart: start,
    async stop() {
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
