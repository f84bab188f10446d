import type { SharedRedis } from '@patchbay/sdk'
import { Redis } from 'ioredis'
import { toRedisOptions, type RedisAddress } from './redis-connection.ts'

/** An answer that takes longer is none: whoever waits for it has a client that waits. */
const callMs = 4_000

/** The shared Redis for whoever keeps more in it than jobs. Nothing is queued while there is no connection. */
export function createSharedRedis(address: RedisAddress, prefix = 'patchbay:'): SharedRedis {
  return {
    prefix,
    connect({ up, down, message } = {}, { waits = false } = {}) {
      const redis = new Redis(address.url, {
        ...toRedisOptions(address),
        enableOfflineQueue: false,
        autoResubscribe: false,
        // what was under way when the connection went is rejected, and its sender decides
        autoResendUnfulfilledCommands: false,
        maxRetriesPerRequest: 0,
        // a connection that subscribes cannot ask for the server's state
        enableReadyCheck: message === undefined,
        ...(waits ? {} : { commandTimeout: callMs }),
      })
      // Told by `down`; the reason is in the log of the platform's own connection.
      redis.on('error', () => undefined)
      redis.on('ready', () => up?.())
      redis.on('close', () => down?.())
      if (message) {
        redis.on('messageBuffer', (channel: Buffer, bytes: Buffer) => message(channel.toString(), bytes))
      }
      return {
        call: (command, ...args) =>
          redis.callBuffer(command, ...args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg) : arg))),
        close() {
          redis.removeAllListeners('close')
          redis.disconnect()
        },
      }
    },
  }
}
