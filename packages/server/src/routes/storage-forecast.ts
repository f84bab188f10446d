import type { Storage } from '@patchbay/contracts/system'
import type { TelemetryStats } from '@patchbay/core/telemetry/port'

/** Fewer points than this say nothing of what a point takes: an empty file has its own size. */
const ENOUGH_POINTS = 100_000

/** How long the free space lasts if the last day's growth goes on. Retention is left out: the answer is the early side. */
export function toForecast(
  stats: TelemetryStats,
  freeBytes: number,
): Pick<Storage, 'telemetry' | 'freeBytes' | 'forecastDays'> {
  const bytesPerPoint = stats.points === 0 ? 0 : Math.round((stats.bytes / stats.points) * 100) / 100
  const bytesPerDay = stats.pointsPerDay * bytesPerPoint
  const known = stats.points >= ENOUGH_POINTS && bytesPerDay > 0
  return {
    telemetry: { ...stats, bytesPerPoint },
    freeBytes,
    ...(known ? { forecastDays: Math.round((freeBytes / bytesPerDay) * 10) / 10 } : {}),
  }
}
