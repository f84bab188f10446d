import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { SharedRedis } from '@patchbay/sdk'

const program = 'redis-server'
/** Why suites on a Redis of their own are left out; undefined = they run. */
export const noRedis: string | undefined =
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'skipped, no redis-server on the PATH'

/** A Redis that keeps everything at once, as the platform asks for. */
export async function startOwnRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-redis-'))
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const address = free.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise((resolve) => free.close(resolve))
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const child = spawn(program, [...where, '--appendonly', 'yes', '--appendfsync', 'always'], { stdio: 'pipe' })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Ready to accept connections')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
  })
  const connections = new Set<Redis>()
  return {
    /** As the platform gives it to the adapter; nodes with the same name share it. */
    open: (name: string): SharedRedis => ({
      prefix: `${name}:`,
      connect({ up, down, message } = {}) {
        const redis = new Redis(port, '127.0.0.1', {
          enableOfflineQueue: false,
          autoResubscribe: false,
          autoResendUnfulfilledCommands: false,
          maxRetriesPerRequest: 0,
          enableReadyCheck: message === undefined,
        })
        connections.add(redis)
        redis.on('error', () => undefined)
        redis.on('ready', () => up?.())
        redis.on('close', () => down?.())
        if (message) redis.on('messageBuffer', (channel: Buffer, bytes: Buffer) => message(channel.toString(), bytes))
        return {
          call: (command, ...args) =>
            redis.callBuffer(command, ...args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg) : arg))),
          close() {
            redis.removeAllListeners('close')
            redis.disconnect()
          },
        }
      },
    }),
    async stop() {
      for (const redis of connections) redis.disconnect()
      child.removeAllListeners('exit')
      child.kill('SIGKILL')
      await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
