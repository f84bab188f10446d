import type { Log } from '@patchbay/sdk'

/** Shorter secrets are masked only where they stand alone: they would blot out half of any text. */
const leastLength = 4
const maxDepth = 6
export const mask = '[secret]'

export interface Redactor {
  text(text: string): string
  value(value: unknown): unknown
}

/** Masks the secrets of an instance, also as they look inside an address or a Basic header. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = new Set(
    secrets.flatMap((secret) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]),
  )
  const alone = new Set(secrets)
  // The longest first: a secret may hold another one.
  const within = [...forms].filter((form) => form.length >= leastLength).sort((a, b) => b.length - a.length)

  const text = (from: string): string => {
    if (alone.has(from)) return mask
    let to = from
    for (const form of within) to = to.replaceAll(form, mask)
    return to
  }

  const ofError = (error: Error, depth: number): unknown => {
    const copy: Record<string, unknown> = {
      type: error.name,
      message: text(error.message),
      stack: text(error.stack ?? ''),
    }
    for (const [key, inner] of Object.entries(error)) if (!(key in copy)) copy[key] = value(inner, depth + 1)
    if (error.cause !== undefined) copy['cause'] = value(error.cause, depth + 1)
    return copy
  }

  const value = (from: unknown, depth: number): unknown => {
    if (typeof from === 'string') return text(from)
    if (typeof from === 'function' || typeof from === 'symbol') return `[${typeof from}]`
    if (typeof from !== 'object' || from === null) return from
    if (depth >= maxDepth) return '[deep]'
    if (from instanceof Error) return ofError(from, depth)
    if (from instanceof Date) return from
    if (ArrayBuffer.isView(from)) return `[${from.byteLength} bytes]`
    if (Array.isArray(from)) return from.map((item) => value(item, depth + 1))
    return Object.fromEntries(Object.entries(from).map(([key, item]) => [text(key), value(item, depth + 1)]))
  }

  return { text, value: (from) => value(from, 0) }
}

/** A log that names its instance in every line and lets no secret through. */
export function createInstanceLog(log: Log, instance: { plugin: string; name: string }, redactor: Redactor): Log {
  const level =
    (name: keyof Log) =>
    (message: string, fields?: Record<string, unknown>): void => {
      const masked = fields === undefined ? {} : Object(redactor.value(fields))
      log[name](redactor.text(message), { ...masked, plugin: instance.plugin, instance: instance.name })
    }
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
}
