import type { Kind } from '../../load/orders.ts'
import type { Login } from '../../load/wire.ts'

/** What the same messages are sent to. All of its processes count. */
export interface Target {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly pids: readonly number[]
  /** How long after the last message it may still be at work without looking like it. */
  readonly lagMs: number
  /** The clients' names are the same everywhere. */
  logins(count: number): Promise<readonly Login[]>
  /** The newest value of a device's `probe` key; nothing when the target stores nothing. */
  readonly newest?: (device: string) => Promise<number | undefined>
  /** Messages stored since the start, where the target counts them. */
  readonly stored?: (kind: Kind) => Promise<number>
  stop(): Promise<void>
}

export const clientIds = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `bench-${String(i).padStart(5, '0')}`)

/** For targets that let anybody in. */
export const openLogins = (count: number): Login[] => clientIds(count).map((id) => ({ id, password: 'none' }))
