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

/** A Mosquitto of the test's own that lets everybody in. */
export async function startMosquitto(): Promise<MosquittoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-mosquitto-'))
  const port = await freePort()
  const config = join(folder, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n`)
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
