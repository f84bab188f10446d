import type { Connection, Log, MatchAnswer, Sessions } from '@patchbay/sdk'
import type { AmqpConfig } from './config.ts'
import { type AmqpConnection, createConnection } from './connection.ts'

/** What is in flight gets so long when the adapter stops; then the rest is cut. */
const finishMs = 4_000

const beginning = Buffer.from('AMQP', 'latin1')

/** A connection of AMQP says so first. [AMQP 2.2] */
export function matchAmqp(bytes: Uint8Array): MatchAnswer {
  const length = Math.min(bytes.length, beginning.length)
  if (beginning.compare(bytes, 0, length, 0, length) !== 0) return 'no'
  return length === beginning.length ? 'mine' : 'more'
}

export interface DoorOptions {
  sessions: Sessions
  config: AmqpConfig
  log: Log
}

/** All connections of the adapter. */
export function createDoor({ sessions, config, log }: DoorOptions) {
  const connections = new Set<AmqpConnection>()
  let stopping = false
  let emptied = () => {}

  return {
    accept(connection: Connection): void {
      if (stopping) return void connection.socket.destroy()
      const made = createConnection({
        connection,
        sessions,
        config,
        log,
        onClose() {
          connections.delete(made)
          if (connections.size === 0) emptied()
        },
      })
      connections.add(made)
    },
    tick(): void {
      const nowMs = Date.now()
      for (const connection of connections) connection.tick(nowMs)
    },
    async close(): Promise<void> {
      stopping = true
      const empty = connections.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (emptied = resolve))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, finishMs)))
      for (const connection of connections) void connection.finish()
      await Promise.race([empty, late])
      clearTimeout(timer)
      for (const connection of connections) connection.destroy()
    },
  }
}
