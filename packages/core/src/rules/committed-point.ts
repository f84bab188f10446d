import { kinds, type PointJson } from '../telemetry/port.ts'

/** A row of a committed group as a value. */
export function toPoint(kind: number, number: number, text: string): PointJson {
  if (kind === kinds.number) return number
  if (kind === kinds.boolean) return number === 1
  if (kind === kinds.text) return text
  const parsed: unknown = JSON.parse(text)
  return typeof parsed === 'object' && parsed !== null ? parsed : text
}
