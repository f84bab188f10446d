import type { Log } from '@patchbay/sdk'
import { asks } from './asks.ts'
import { createLogLimit } from './log-limit.ts'

const maxMessageChars = 2_000

/** Writes what the plugin's side logs. It has left out what is too much already, unless it went round the SDK. */
export function createLogHandler(log: Log): (value: unknown) => void {
  const write = createLogLimit((level, message, fields) => log[level](message.slice(0, maxMessageChars), fields))
  return (value) => {
    if (asks.log(value)) write(value.level, value.message, value.fields)
  }
}
