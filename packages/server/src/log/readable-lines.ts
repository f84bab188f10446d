import type { DestinationStream } from 'pino'

const levels: Record<number, string> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error', 60: 'fatal' }
const own = new Set(['level', 'time', 'msg'])

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

// Text from devices and remote systems may hold control characters that a terminal would obey.
const harmless = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·')

const toText = (value: unknown): string => {
  if (isRecord(value) && typeof value['message'] === 'string') return value['message']
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
}

/** Turns the log's JSON lines into `12:00:01 warn  what happened  key=value` for a person at a terminal. */
export const createReadableLines = (out: { write(text: string): unknown }): DestinationStream => ({
  write(line) {
    const entry: unknown = JSON.parse(line)
    if (!isRecord(entry)) return
    const time = String(entry['time']).slice(11, 19)
    const level = levels[Number(entry['level'])] ?? 'info '
    const fields = Object.entries(entry)
      .filter(([key]) => !own.has(key))
      .map(([key, value]) => `${key}=${harmless(toText(value))}`)
    out.write(`${time} ${level} ${harmless(toText(entry['msg']))}${fields.length > 0 ? `  ${fields.join(' ')}` : ''}\n`)
  },
})
