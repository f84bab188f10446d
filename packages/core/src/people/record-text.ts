import type { Body } from '../registry/port.ts'

/** Reads of stored bodies: a field of another kind than expected counts as absent. */
export const textOf = (body: Body, field: string): string | undefined => {
  const value = body[field]
  return typeof value === 'string' ? value : undefined
}

export const textsOf = (body: Body, field: string): string[] => {
  const value = body[field]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
