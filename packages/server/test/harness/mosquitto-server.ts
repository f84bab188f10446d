import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freePort } from './gateway-folder.ts'

/** Debian keeps servers where only root looks. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

/** Why suites on a real Mosquitto are left out; undefined = they run. */
export const noMosquitto: string | undefined =
  spawnSync('mosquitto', ['-h'], { env }).error === undefined ? undefined : 'skipped, no mosquitto on the PATH'

export interface MosquittoServer {
  readonly port: number
  /** kill -9. */
  kill(): Promise<void>
  /** On the port it had. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** A Mosquitto of the test's own that lets everybody in. `keeps`: what it has acknowledged outlives a kill, and its queues have no bound. */
export async function startMosquitto({ keeps = false }: { keeps?: boolean } = {}): Promise<MosquittoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-mosquitto-'))
  const port = await freePort()
  const config = join(folder, 'mosquitto.conf')
  const kept = [
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    'max_queued_messages 0',
  ]
  const lines = [...(keeps ? kept : []), `listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true']
  await writeFile(config, `${lines.join('\n')}\n`)
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn('mosquitto', ['-c', config], { env, stdio: 'ignore' })
    await vi.waitFor(async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    }, 5_000)
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
    kill,
    start,
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
