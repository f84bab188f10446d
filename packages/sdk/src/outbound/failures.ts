/** The address lies where outgoing calls are closed. Trying again cannot help. */
export class TargetForbidden extends Error {
  override readonly name = 'TargetForbidden'
}

/** The other side was not reached, was too slow or broke off. Trying again may help. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

const codeOf = (error: unknown): string | undefined => {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
}

/** A network error in words, with its code, such as `the connection was refused (ECONNREFUSED 127.0.0.1:9)`. */
export function toNetworkText(error: unknown): string {
  // Several addresses were tried: the first one's error stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return toNetworkText(error.errors[0])
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code === undefined) return message
  const known = words[code]
  if (known === undefined) return message.includes(code) ? message : `${message} (${code})`
  return message.includes(code) ? `${known} (${message})` : `${known} (${code}: ${message})`
}
