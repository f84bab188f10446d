import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'

/** Debian keeps servers where only root looks. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

/** Why suites on a real Mosquitto are left out; undefined = they run. */
export const noMosquitto: string | undefined =
  spawnSync('mosquitto', ['-h'], { env }).error === undefined ? undefined : 'skipped, no mosquitto on the PATH'

/** A Mosquitto of the test's own, whose queues have no bound and which keeps what it has over a kill -9. */
export interface Mosquitto {
  readonly port: number
  readonly folder: string
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** `files` are written beside its configuration, whose lines name them as `{folder}/…`. */
export async function startMosquitto(
  lines: readonly string[] = ['allow_anonymous true'],
  files: Readonly<Record<string, string>> = {},
): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-mosquitto-'))
  const port = await freePort()
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  const config = [
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    'persistence true',
    `persistence_location ${folder}/`,
    // Saved with each change: what it has acknowledged is there after a kill.
    'autosave_on_changes true',
    'autosave_interval 1',
    'max_queued_messages 0',
    `listener ${port} 127.0.0.1`,
    'set_tcp_nodelay true',
    ...lines.map((line) => line.replaceAll('{folder}', folder)),
  ]
  await writeFile(join(folder, 'mosquitto.conf'), `${config.join('\n')}\n`)
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], { env, stdio: 'ignore' })
    await vi.waitFor(async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    }, 10_000)
  }
  const kill = async (): Promise<void> => {
    const dying = child
    child = undefined
    if (!dying || dying.exitCode !== null) return
    dying.kill('SIGKILL')
    await once(dying, 'exit')
  }
  await start()
  return {
    port,
    folder,
    kill,
    start,
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
