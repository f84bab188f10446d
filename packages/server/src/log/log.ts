import type { Log } from '@patchbay/sdk'
import { type DestinationStream, type Logger, pino } from 'pino'
import type { RecentLines } from './recent-lines.ts'
import { createReadableLines } from './readable-lines.ts'

/** Paths of fields that never reach a log, whoever writes them. */
const masked = [
  'password',
  'secret',
  'token',
  'authorization',
  '*.password',
  '*.secret',
  '*.token',
  '*.authorization',
  'req.headers',
]

/** The process's log: JSON lines, or lines for people on a terminal. */
export const createLogger = (
  out: { isTTY?: boolean; write(text: string): unknown } = process.stdout,
  recent?: Pick<RecentLines, 'add'>,
): Logger => {
  const shown: DestinationStream = out.isTTY ? createReadableLines(out) : { write: (line) => void out.write(line) }
  const destination: DestinationStream = {
    write(line) {
      recent?.add(line)
      shown.write(line)
    },
  }
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: masked, censor: '[masked]' } },
    destination,
  )
}

/** The form that parts and plugins write in: the sentence first, then its fields. */
export const toLog = (logger: Logger): Log => {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      const { error, ...rest } = fields
      logger[level](error === undefined ? rest : { ...rest, err: error }, message)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
