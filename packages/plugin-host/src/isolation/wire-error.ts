import { BadConfig, isBadConfig, isNotReady, isRefused, NotReady, Refused } from '@patchbay/sdk'
import { HostError, type HostErrorCode, hostErrors, isHostError, toText } from '../errors.ts'
import { isRecord } from '../config/plain.ts'

const maxTextChars = 4_000
/** Of a plugin in JavaScript, whose texts may be anything. */
const cut = (text: unknown): string => String(text).slice(0, maxTextChars)

const reasons = [
  'credentials',
  'banned',
  'forbidden',
  'malformed',
  'invalid',
  'too-large',
  'quota',
  'unavailable',
] as const

/** Of a cause of a cause; more say nothing. */
const maxCauses = 4

/** An error as it crosses: its kind, so that both sides know it again, its text, and what it came of. */
export function toWireError(error: unknown, causes = maxCauses): Record<string, unknown> {
  const cause = error instanceof Error && causes > 0 ? error.cause : undefined
  const said = {
    name: error instanceof Error ? cut(error.name) : 'Error',
    message: cut(toText(error)),
    stack: error instanceof Error ? cut(error.stack ?? '') : '',
    ...(cause === undefined ? {} : { cause: toWireError(cause, causes - 1) }),
  }
  if (isRefused(error))
    return { ...said, kind: 'refused', reason: error.reason, code: cut(error.code), step: cut(error.step) }
  if (isNotReady(error)) return { ...said, kind: 'not-ready' }
  if (isBadConfig(error)) return { ...said, kind: 'bad-config', path: cut(error.path) }
  if (isHostError(error)) return { ...said, kind: 'host', code: error.code }
  return said
}

/** The same of the host's own errors: where they come from is nothing for a plugin. */
export const toBareWireError = (error: unknown): Record<string, unknown> => ({ ...toWireError(error, 0), stack: '' })

/** An error of the plugin's own: what it is called there. */
export class PluginError extends Error {
  override readonly name: string
  constructor(name: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = name
  }
}

const isHostCode = (code: string): code is HostErrorCode => Object.hasOwn(hostErrors, code)

function toKnown(of: Record<string, unknown>, options: ErrorOptions | undefined): Error {
  const text = (key: string): string => (typeof of[key] === 'string' ? cut(of[key]) : '')
  const message = text('message')
  switch (of['kind']) {
    case 'refused': {
      const reason = reasons.find((each) => each === of['reason']) ?? 'unavailable'
      return new Refused(reason, text('code'), text('step'), message, options)
    }
    case 'not-ready':
      return new NotReady(message, options)
    case 'bad-config':
      return new BadConfig(text('path'), message, options)
    case 'host': {
      const code = text('code')
      if (isHostCode(code)) return new HostError(code, message, options)
    }
  }
  return new PluginError(text('name') || 'Error', message, options)
}

/** The error on the other side, from a side that is not trusted: where it was thrown there, not here. */
export function fromWireError(value: unknown, causes = maxCauses): Error {
  const of = isRecord(value) ? value : {}
  const cause = isRecord(of['cause']) && causes > 0 ? { cause: fromWireError(of['cause'], causes - 1) } : undefined
  const error = toKnown(of, cause)
  if (typeof of['stack'] === 'string' && of['stack'] !== '') error.stack = cut(of['stack'])
  return error
}
