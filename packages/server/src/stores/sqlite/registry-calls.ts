import type { Collection, Expected, WriteResult } from '@patchbay/core/registry/port'

/** A condition or order as SQL text with its bound values. */
export interface Sql {
  text: string
  values: (string | number | null)[]
}

/** A stored document whose body is still JSON text: only the caller's thread parses it. */
export interface Row {
  id: string
  version: number
  body: string
}

/** What the registry's worker does. Bodies travel as JSON text, queries as finished SQL with bound values. */
export interface RegistryCalls {
  get: { ask: { collection: Collection; id: string }; answer: Row | undefined }
  put: { ask: { collection: Collection; id: string; body: string; expected: Expected }; answer: WriteResult }
  delete: { ask: { collection: Collection; id: string; expected: Expected }; answer: WriteResult }
  append: { ask: { collection: Collection; documents: { id: string; body: string }[] }; answer: undefined }
  list: { ask: Sql; answer: Row[] }
  /** Answers how many rows were changed. */
  change: { ask: Sql; answer: number }
  count: { ask: { collection: Collection }; answer: number }
  trim: { ask: { collection: Collection; keep: number }; answer: number }
  close: { ask: undefined; answer: undefined }
}

export interface RegistryWorkerData {
  file: string
  durability: 'full' | 'relaxed'
}
