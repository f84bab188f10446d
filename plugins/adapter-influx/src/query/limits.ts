/** What one statement may take, named as InfluxDB's own limits are. */
export const queryLimits = {
  textChars: 256 * 1024,
  statements: 100,
  depth: 200,
  /** Operators of one statement's expressions. */
  operators: 5_000,
  subqueries: 10,
  regexChars: 1_000,
  /** Devices whose keys are looked at. */
  devices: 20_000,
  series: 10_000,
  points: 1_000_000,
  buckets: 200_000,
  columns: 1_000,
  /** Points of one page that is read. */
  page: 10_000,
  /** Reads of one statement that are under way at once. */
  reads: 8,
} as const
