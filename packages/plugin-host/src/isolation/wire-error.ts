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

/** An error as it crosses: its kind, so that both sides know it again, and its text. */
export function toWireError(error: unknown): Record<string, unknown> {
  const said = {
    name: error instanceof Error ? cut(error.name) : 'Error',
    message: cut(toText(error)),
    stack: error instanceof Error ? cut(error.stack ?? '') : '',
  }
  if (isRefused(error))
    return { ...said, kind: 'refused', reason: error.reason, code: cut(error.code), step: cut(error.step) }
  if (isNotReady(error)) return { ...said, kind: 'not-ready' }
  if (isBadConfig(error)) return { ...said, kind: 'bad-config', path: cut(error.path) }
  if (isHostError(error)) return { ...said, kind: 'host', code: error.code }
  return said
}

/** An error of the plugin's own: what it is called there, and where it was thrown. */
export class PluginError extends Error {
  override readonly name: string
  constructor(name: string, message: string, stack: string) {
    super(message)
    this.name = name
    if (stack !== '') this.stack = stack
  }
}

const isHostCode = (code: string): code is HostErrorCode => Object.hasOwn(hostErrors, code)

/** The error on the other side, from a side that is not trusted. */
export function fromWireError(value: unknown): Error {
  const of = isRecord(value) ? value : {}
  const text = (key: string): string => (typeof of[key] === 'string' ? cut(of[key]) : '')
  const message = text('message')
  switch (of['kind']) {
    case 'refused': {
      const reason = reasons.find((each) => each === of['reason']) ?? 'unavailable'
      return new Refused(reason, text('code'), text('step'), message)
    }
    case 'not-ready':
      return new NotReady(message)
    case 'bad-config':
      return new BadConfig(text('path'), message)
    case 'host': {
      const code = text('code')
      if (isHostCode(code)) return new HostError(code, message)
    }
  }
  return new PluginError(text('name') || 'Error', message, text('stack'))
}
