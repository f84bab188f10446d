const unitsMicros: Readonly<Record<string, number>> = { ms: 1e3, s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 }

/** A duration of the configuration, such as `30s`, in microseconds. */
export function toMicros(text: string): number {
  const [, count = '0', unit = 's'] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? []
  return Number(count) * (unitsMicros[unit] ?? 1e6)
}
