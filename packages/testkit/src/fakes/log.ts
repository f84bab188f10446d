import type { Log } from '@patchbay/sdk'

export interface LogLine {
  level: keyof Log
  message: string
  fields: Record<string, unknown>
}

/** A log that keeps its lines. */
export interface FakeLog extends Log {
  readonly lines: readonly LogLine[]
  /** All lines as one text, for asking whether something stands in it. */
  text(): string
}

const printable = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value

export function createFakeLog(): FakeLog {
  const lines: LogLine[] = []
  const line =
    (level: keyof Log) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void lines.push({ level, message, fields })
  return {
    lines,
    text: () => lines.map((of) => JSON.stringify(of, printable)).join('\n'),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }
}
