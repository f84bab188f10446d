import type { CommitCursor } from '../telemetry/port.ts'

/** Something lies between the cursor and the end. */
export const isBeyond = (end: CommitCursor, cursor: CommitCursor): boolean =>
  Object.entries(end).some(([writer, seq]) => seq > (cursor[writer] ?? 0))

/** How much. */
export const distance = (end: CommitCursor, cursor: CommitCursor): number =>
  Object.entries(end).reduce((sum, [writer, seq]) => sum + Math.max(0, seq - (cursor[writer] ?? 0)), 0)

/** Of each writer the later place. */
export const laterOf = (a: CommitCursor, b: CommitCursor): CommitCursor => {
  const later = { ...a }
  for (const [writer, seq] of Object.entries(b)) later[writer] = Math.max(later[writer] ?? 0, seq)
  return later
}
