import { describe } from 'vitest'
import { drops } from './telemetry/ends.ts'
import { type OpenedTelemetry, useTelemetry } from './telemetry/ground.ts'
import { commits } from './telemetry/log.ts'
import { agreesWithModel } from './telemetry/model.ts'
import { pagesPoints } from './telemetry/pages.ts'
import { aggregates } from './telemetry/ranges.ts'
import { keepsValues } from './telemetry/values.ts'

/** What every filling of the telemetry port keeps. */
export function telemetryContract(open: () => Promise<OpenedTelemetry>): void {
  describe('telemetry contract', () => {
    useTelemetry(open)
    keepsValues()
    aggregates()
    pagesPoints()
    commits()
    drops()
    agreesWithModel()
  })
}
