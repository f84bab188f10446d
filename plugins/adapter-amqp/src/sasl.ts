import type { Connection, Credentials } from '@patchbay/sdk'
import { codes, type Fields } from './wire/performative.ts'
import { composite, symbols, ubyte } from './wire/writer.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** EXTERNAL is offered to whom TLS has verified. */
export const writeMechanisms = (certificate: Connection['certificate']): Buffer =>
  composite(codes.saslMechanisms, [symbols(certificate ? ['EXTERNAL', 'PLAIN'] : ['PLAIN'])])

export const writeOutcome = (code: number): Buffer => composite(codes.saslOutcome, [ubyte(code)])

/** Who the client says it is; `none` when it says it in no way that is taken here. [RFC 4616, RFC 4422 appendix A] */
export function readInit(init: Fields, certificate: Connection['certificate']): Credentials {
  const mechanism = init.text(0)
  if (mechanism === 'EXTERNAL' && certificate) return { kind: 'certificate', ...certificate }
  const response = init.bytes(1)
  if (mechanism !== 'PLAIN' || !response) return { kind: 'none' }
  let parts: string[]
  try {
    parts = utf8.decode(response).split('\0')
  } catch {
    // Not UTF-8: that is nobody's name.
    return { kind: 'none' }
  }
  const [authorize, username, password, ...more] = parts
  if (username === undefined || password === undefined || more.length > 0) return { kind: 'none' }
  // Nobody may act for somebody else.
  return authorize === '' || authorize === username ? { kind: 'password', username, password } : { kind: 'none' }
}
