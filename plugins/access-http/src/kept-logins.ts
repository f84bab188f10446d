import { createHmac, randomBytes } from 'node:crypto'
import type { AllowedLogin } from '@patchbay/sdk'

/** Logins that are remembered; one more turns out the oldest. */
export const maxKeptLogins = 10_000

type Allowed = 'allow' | AllowedLogin
type Login = { username: string; password: string; protocol: string; address: string }

export interface KeptLogins {
  find(who: Login): Allowed | undefined
  keep(who: Login, answer: Allowed): void
}

/** Remembers what was allowed, never what was denied. Passwords are not in it: only their digests under a key of this run. */
export function createKeptLogins(keepMs: number, nowMs: () => number): KeptLogins {
  const key = randomBytes(32)
  const kept = new Map<string, { answer: Allowed; untilMs: number }>()
  const toKey = ({ username, password, protocol, address }: Login): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([username, password, protocol, address]))
      .digest('base64')

  return {
    find(who) {
      if (keepMs === 0) return undefined
      const name = toKey(who)
      const found = kept.get(name)
      if (found && found.untilMs > nowMs()) return found.answer
      kept.delete(name)
      return undefined
    },
    keep(who, answer) {
      if (keepMs === 0) return
      for (const oldest of kept.keys()) {
        if (kept.size < maxKeptLogins) break
        kept.delete(oldest)
      }
      const endsMs = answer === 'allow' ? Infinity : (answer.endsAtMicros ?? Infinity) / 1000 - Date.now() + nowMs()
      kept.set(toKey(who), { answer, untilMs: Math.min(nowMs() + keepMs, endsMs) })
    },
  }
}
