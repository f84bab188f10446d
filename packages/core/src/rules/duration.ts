const units: Record<string, number> = { ms: 1e3, s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 }

/** "30s" in µs; undefined when it is none. */
export function toMicros(duration: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(duration)
  const unit = units[match?.[2] ?? '']
  return unit === undefined ? undefined : Number(match?.[1]) * unit
}
