/** What Redis answers, read as what it should be. */
export const toText = (value: unknown): string => {
  if (Buffer.isBuffer(value)) return value.toString()
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

export const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Names and values that follow each other. */
export function toPairs(value: unknown): Map<string, Buffer> {
  const pairs = new Map<string, Buffer>()
  if (value instanceof Map) {
    for (const [name, of] of value) pairs.set(toText(name), Buffer.isBuffer(of) ? of : Buffer.from(toText(of)))
    return pairs
  }
  const list = toList(value)
  for (let at = 0; at + 1 < list.length; at += 2) {
    const of = list[at + 1]
    pairs.set(toText(list[at]), Buffer.isBuffer(of) ? of : Buffer.from(toText(of)))
  }
  return pairs
}

/** One entry of a stream. */
export interface StreamEntry {
  id: string
  fields: Map<string, Buffer>
}

export const toEntries = (value: unknown): StreamEntry[] =>
  toList(value).map((entry) => {
    const [id, fields] = toList(entry)
    return { id: toText(id), fields: toPairs(fields) }
  })

/** Whether a place in a stream is at another one or behind it. */
export function isAtOrAfter(place: string, other: string): boolean {
  const [ms = 0, n = 0] = place.split('-').map(Number)
  const [otherMs = 0, otherN = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && n >= otherN)
}
