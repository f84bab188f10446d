import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listenerOf } from '../../host/usage.ts'
import { startProgram } from '../../host/program.ts'

const startTimeoutMs = 10_000

export interface Mosquitto {
  host: string
  port: number
  pid: number
  stop(): Promise<void>
}

/** A program of this name on the PATH is started with a configuration of its own; else MOSQUITTO_URL is used; else there is none. */
export async function startMosquitto(url: string | undefined): Promise<Mosquitto | undefined> {
  return (await startOwn()) ?? attach(url)
}

function attach(url: string | undefined): Mosquitto | undefined {
  if (url === undefined) return undefined
  const { hostname, port } = new URL(url)
  const pid = listenerOf(Number(port))
  if (pid === undefined) throw new Error(`No process of this machine listens on ${url}: its CPU time cannot be read.`)
  return { host: hostname, port: Number(port), pid, stop: async () => {} }
}

async function startOwn(): Promise<Mosquitto | undefined> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-mosquitto-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const config = join(folder, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n`)
  const program = startProgram('mosquitto', ['-c', config])
  try {
    await program.prints(/running/, startTimeoutMs)
  } catch (error) {
    await remove()
    if (program.pid === 0) return undefined // not installed
    throw error
  }
  return {
    host: '127.0.0.1',
    port,
    pid: program.pid,
    async stop() {
      await program.stop()
      await remove()
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
