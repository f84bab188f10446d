import type { Sessions } from '@patchbay/sdk'
import { fromClientName } from './client-name.ts'
import { queueFull } from './errors.ts'

/** A session that goes on losing messages is told of so often. */
const recordEveryMs = 10_000

/** Counts the messages that one session’s queue had no room for, and records them: the first at once, the rest as a number. */
export class Dropped {
  readonly #sessions: Sessions
  readonly #client: string
  readonly #nowMs: () => number
  #count = 0
  #silentUntilMs = 0

  constructor(sessions: Sessions, client: string, nowMs: () => number = Date.now) {
    this.#sessions = sessions
    this.#client = client
    this.#nowMs = nowMs
  }

  note(topic: string): void {
    this.#count++
    const nowMs = this.#nowMs()
    if (nowMs < this.#silentUntilMs) return
    this.#silentUntilMs = nowMs + recordEveryMs
    const parts = fromClientName(this.#client)
    this.#sessions.refuse(
      { protocol: 'mqtt', address: '', clientId: parts?.clientId ?? this.#client },
      {
        action: 'receive',
        topic,
        refused: queueFull(this.#count),
        ...(parts?.space === 'device' ? { device: parts.id } : {}),
      },
    )
    this.#count = 0
  }
}
