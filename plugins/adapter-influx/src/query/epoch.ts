/** How an answer writes its times: the JSON of one. */
export type WriteTime = (micros: number) => string

/** RFC 3339 with as many decimals as the time needs. */
function toRfc3339(micros: number): string {
  const ms = Math.floor(micros / 1000)
  const text = new Date(ms).toISOString()
  const below = micros - Math.floor(micros / 1_000_000) * 1_000_000
  const decimals = String(below).padStart(6, '0').replace(/0+$/, '')
  return `"${text.slice(0, 19)}${decimals === '' ? '' : `.${decimals}`}Z"`
}

const divided =
  (unit: number): WriteTime =>
  (micros) =>
    String(Math.trunc(micros / unit))

// Nanoseconds of our days are more than a double holds, so they are written and never counted.
const nanos: WriteTime = (micros) => (micros === 0 ? '0' : `${micros}000`)

const writers: Readonly<Record<string, WriteTime>> = {
  ns: nanos,
  n: nanos,
  u: divided(1),
  us: divided(1),
  µ: divided(1),
  ms: divided(1e3),
  s: divided(1e6),
  m: divided(60e6),
  h: divided(3600e6),
}

/** The writer that the request's `epoch` names; RFC 3339 for none, nanoseconds for one that is unknown, as in InfluxDB. */
export const toWriteTime = (epoch: string | null): WriteTime =>
  epoch === null || epoch === '' ? toRfc3339 : Object.hasOwn(writers, epoch) ? (writers[epoch] ?? nanos) : nanos
export const writeNanos = nanos
