import type { Credentials } from '@patchbay/sdk'
import { refuse } from './errors.ts'
import type { Request } from './request.ts'

/** What a request is about, as text. */
export interface Asked {
  topic: string
  levels: readonly string[]
  query: ReadonlyMap<string, string>
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Buffer, code: 'COAP_PATH' | 'COAP_QUERY'): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw refuse(code, undefined, cause)
  }
}

/** Topic and query of a request. Throws Refused. */
export function toAsked({ path, query }: Pick<Request, 'path' | 'query'>): Asked {
  const levels = path.map((segment) => {
    const level = decode(segment, 'COAP_PATH')
    // Two spellings of one topic would let something in front see another topic than we do.
    if (level.includes('/')) throw refuse('COAP_PATH')
    return level
  })
  const given = new Map<string, string>()
  for (const bytes of query) {
    const text = decode(bytes, 'COAP_QUERY')
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    // The first would count for one reader and the last for another.
    if (given.has(name)) throw refuse('COAP_QUERY', `${name} is given twice.`)
    given.set(name, equals < 0 ? '' : text.slice(equals + 1))
  }
  return { topic: levels.join('/'), levels, query: given }
}

/** Who the query says it is: `user` and `pass`, or `pass` alone. */
export function toCredentials(query: ReadonlyMap<string, string>): Credentials {
  const username = query.get('user')
  const secret = query.get('pass')
  if (username !== undefined) return { kind: 'password', username, password: secret ?? '' }
  return secret === undefined ? { kind: 'none' } : { kind: 'bearer', secret }
}
