import type { Log } from '@patchbay/sdk'
import { toText } from '../errors.ts'
import type { Channel } from './channel.ts'
import { createLogLimit } from './log-limit.ts'
import { toWireError } from './wire-error.ts'

const maxMessageChars = 2_000
/** A plugin in JavaScript may log anything. */
const toMessage = (message: unknown): string => String(message).slice(0, maxMessageChars)
const maxFieldsChars = 16 * 1024

/** To log is no reason to fail: fields that cannot cross, or are too large for it, are left out and named. */
const toFields = (fields: Record<string, unknown> | undefined): Record<string, unknown> | undefined => {
  if (!fields) return undefined
  try {
    const plain = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? toWireError(value) : value]),
    )
    const { length } = JSON.stringify(plain)
    return length <= maxFieldsChars ? plain : { leftOut: `fields of ${length} characters` }
  } catch (error) {
    return { leftOut: toText(error) }
  }
}

/** The log of a plugin behind the boundary. */
export function createGuestLog(channel: Pick<Channel, 'cast' | 'crowded'>): Log {
  const write = createLogLimit((level, message, fields) => {
    if (!channel.crowded) channel.cast('log', { level, message: toMessage(message), fields: toFields(fields) })
  })
  const line =
    (level: keyof Log): Log[keyof Log] =>
    (message, fields) =>
      write(level, message, fields)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}
