import type { CommitCursor } from '../telemetry/port.ts'

/** Something lies between the cursor and the end. */
export const isBeyond = (end: CommitCursor, cursor: CommitCursor): boolean =>
  Object.entries(end).some(([writer, seq]) => seq > (cursor[writer] ?? 0))

/** How much. */
export const distance = (end: CommitCursor, cursor: CommitCursor): number =>
  Object.entries(end).reduce((sum, [writer, seq]) => sum + Math.max(0, seq - (cursor[writer] ?? 0)), 0)

/** The cursor is one into something else than what ends here: the queue of a bridge that has not run since the start, which is not open. */
export function isElsewhere(end: CommitCursor, cursor: CommitCursor): boolean {
  const writers = Object.keys(cursor)
  return writers.length > 0 && Object.keys(end).length > 0 && !writers.some((writer) => writer in end)
}

/** Of each writer the later place. */
export const laterOf = (a: CommitCursor, b: CommitCursor): CommitCursor => {
  const later = { ...a }
  for (const [writer, seq] of Object.entries(b)) later[writer] = Math.max(later[writer] ?? 0, seq)
  return later
}
