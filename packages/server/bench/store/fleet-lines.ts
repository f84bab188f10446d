import type { Batch } from '@patchbay/core/telemetry/port'

/** The batch in InfluxDB's line protocol, a line for each record, times in milliseconds. */
export function toLines(batch: Batch, deviceOf: (series: number) => string): string {
  const lines: string[] = []
  for (let i = 0; i + 1 < batch.length; i += 2) {
    const values = `temperature=${batch.number[i]},humidity=${batch.number[i + 1]}`
    lines.push(`sensors,device=${deviceOf(batch.series[i] ?? 0)} ${values} ${(batch.at[i] ?? 0) / 1_000}`)
  }
  return lines.join('\n')
}
