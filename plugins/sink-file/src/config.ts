import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  format: field.choice(['jsonl', 'csv'], {
    title: 'Format',
    description: 'jsonl: a line of JSON a record. csv: a line a value.',
    default: 'jsonl',
  }),
  rotateMb: field.integer({
    title: 'Rotate at',
    description: 'A file is ended when it has so many megabytes.',
    default: 64,
    minimum: 1,
    maximum: 10_000,
  }),
  rotateEvery: field.duration({
    title: 'Rotate after',
    description: 'A file is ended at this age, such as 1h or 1d.',
    default: '1d',
  }),
  compress: field.toggle({ title: 'Compress', description: 'Ended files become .gz.', default: true }),
  keepFiles: field.integer({
    title: 'Keep',
    description: 'So many ended files are kept, the oldest go first. 0 keeps all.',
    default: 0,
    minimum: 0,
    maximum: 100_000,
  }),
}
export type Config = ConfigOf<typeof config>

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A duration of a field in milliseconds. */
export function toMs(duration: string): number {
  const [, digits = '0', unit = 'ms'] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? []
  return Number(digits) * (Object.entries(unitsMs).find(([name]) => name === unit)?.[1] ?? 1)
}
