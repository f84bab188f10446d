import type { PluginLogLine } from '@patchbay/contracts/plugin-log'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import { toIso } from '../rest/time.ts'

/** Lines kept of each plugin; the oldest go first. They are gone with the process, the server's own log has them all. */
export const maxLogLines = 300
const longestText = 500
const longestDetail = 2000

export interface PluginLog {
  /** What the plugin host writes to: everything goes on to the server's log. */
  log: Log
  /** Of one plugin or instance, the newest first. */
  list(plugin: string, instance?: string): PluginLogLine[]
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
/** Of errors the message only: a stack is for the server's log. */
const short = (_key: string, value: unknown): unknown => {
  if (value instanceof Error) return value.message
  if (typeof value === 'object' && value !== null && 'stack' in value && 'message' in value) return value.message
  return typeof value === 'bigint' ? String(value) : value
}
const toDetail = (fields: Record<string, unknown>): string | undefined => {
  const { plugin: _plugin, instance: _instance, ...rest } = fields
  if (Object.keys(rest).length === 0) return undefined
  try {
    return JSON.stringify(rest, short).slice(0, longestDetail)
  } catch {
    return undefined // something in it cannot be written as JSON: the sentence is there all the same
  }
}

/** A log that also keeps the last lines of each plugin, for the console. Secrets are masked by the host before they come here. */
export const createPluginLog = (log: Log, clock: Pick<Clock, 'nowMicros'>): PluginLog => {
  const byPlugin = new Map<string, PluginLogLine[]>()
  const keep = (level: PluginLogLine['level'], message: string, fields: Record<string, unknown>): void => {
    const plugin = asText(fields['plugin'])
    if (plugin === undefined) return
    const lines = byPlugin.get(plugin) ?? []
    const instance = asText(fields['instance'])
    const detail = toDetail(fields)
    lines.push({
      at: toIso(clock.nowMicros()),
      level,
      ...(instance === undefined ? {} : { instance }),
      text: message.slice(0, longestText).toWellFormed(),
      ...(detail === undefined ? {} : { detail: detail.toWellFormed() }),
    })
    if (lines.length > maxLogLines) lines.shift()
    byPlugin.set(plugin, lines)
  }
  const at =
    (level: PluginLogLine['level']) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      keep(level, message, fields)
      log[level](message, fields)
    }
  return {
    log: { debug: log.debug, info: at('info'), warn: at('warn'), error: at('error') },
    list: (plugin, instance) =>
      (byPlugin.get(plugin) ?? []).filter((line) => instance === undefined || line.instance === instance).toReversed(),
  }
}
