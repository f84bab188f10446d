import type { Session } from '@patchbay/contracts/session'

/**
 * A command to the very device of a session: `devices/{id}/commands/{command}`. Its delivery is told to the platform by the promise of
 * `deliver`: it resolves when the client has acknowledged, and rejects when the connection ends before.
 */
export function isCommandTo({ principal }: Pick<Session, 'principal'>, topic: string): boolean {
  if (principal.kind !== 'device') return false
  const prefix = `devices/${principal.id}/commands/`
  return topic.startsWith(prefix) && !topic.includes('/', prefix.length)
}
