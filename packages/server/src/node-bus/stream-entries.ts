export interface StreamEntry {
  id: string
  fields: Map<string, string>
}

const toText = (value: unknown): string => {
  if (Buffer.isBuffer(value)) return value.toString()
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The entries of one stream, as XREAD answers them in either version of the protocol. */
export function toEntries(answer: unknown): StreamEntry[] {
  const list = answer instanceof Map ? [...answer] : toList(answer)
  // RESP3 may come as names and entries that follow each other
  const entries = list.length > 0 && !Array.isArray(list[0]) ? list[1] : toList(list[0])[1]
  return toList(entries).map((entry) => {
    const [id, flat] = toList(entry)
    const parts = toList(flat)
    const fields = new Map<string, string>()
    for (let at = 0; at + 1 < parts.length; at += 2) fields.set(toText(parts[at]), toText(parts[at + 1]))
    return { id: toText(id), fields }
  })
}
