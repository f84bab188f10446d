import type { Log } from '@patchbay/sdk'
import { asks } from './asks.ts'

/** Lines of one instance within a second; what is beyond is counted. */
export const maxLinesPerSecond = 100
const maxMessageChars = 2_000

/** Writes what the plugin's side logs, as far as one plugin may fill the log. */
export function createLogHandler(log: Log): (value: unknown) => void {
  let windowEndsMs = 0
  let lines = 0
  return (value) => {
    if (!asks.log(value)) return
    const nowMs = performance.now()
    if (nowMs >= windowEndsMs) {
      if (lines > maxLinesPerSecond) log.warn('lines of the plugin were left out', { lines: lines - maxLinesPerSecond })
      windowEndsMs = nowMs + 1000
      lines = 0
    }
    lines += 1
    if (lines <= maxLinesPerSecond) log[value.level](value.message.slice(0, maxMessageChars), value.fields)
  }
}
