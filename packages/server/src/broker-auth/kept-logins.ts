import type { Grants, Subject } from '@patchbay/core/access/port'
import type { Authenticated } from '@patchbay/core/devices/port'

/** Logins that are remembered because something of an access provider belongs to them; one more turns out the oldest. */
export const maxKeptLogins = 10_000

interface Kept {
  endsAtMicros: number
  grants: Grants | undefined
  /** The subject with its grants, made again when the device has changed: the authoriser takes subjects as values. */
  made?: { from: Subject; to: Subject }
}

export interface KeptLogins {
  keep(name: string, proof: Authenticated): void
  /** The subject as it logged in; undefined when the login has ended. */
  apply(name: string, subject: Subject, nowMicros: number): Subject | undefined
}

/** Brokers tell only the user name after the login, so the end and the filters of a token are remembered here. */
export function createKeptLogins(): KeptLogins {
  const kept = new Map<string, Kept>()
  return {
    keep(name, { subject, endsAtMicros = Infinity }) {
      kept.delete(name)
      const grants = subject.kind === 'device' ? subject.grants : undefined
      if (!grants && endsAtMicros === Infinity) return
      for (const oldest of kept.keys()) {
        if (kept.size < maxKeptLogins) break
        kept.delete(oldest)
      }
      kept.set(name, { endsAtMicros, grants })
    },
    apply(name, subject, nowMicros) {
      const login = kept.get(name)
      if (!login) return subject
      if (login.endsAtMicros <= nowMicros) return undefined
      if (!login.grants || subject.kind !== 'device') return subject
      if (login.made?.from !== subject) login.made = { from: subject, to: { ...subject, grants: login.grants } }
      return login.made.to
    },
  }
}
