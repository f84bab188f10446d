/** What the front door itself refuses, before any protocol has a word for it. Codes are never used again for something else. */
export const frontRefusals = {
  FRONT_SILENT: 'The peer did not say within 5 s what it speaks.',
  FRONT_UNKNOWN: 'The first bytes are of no protocol that is spoken here.',
  FRONT_TOO_LONG: 'The first 4 KiB did not tell the protocol.',
  FRONT_TLS_FAILED: 'The TLS handshake failed.',
  FRONT_TLS_REQUIRED: 'This listener speaks TLS only.',
  FRONT_PROXY: 'The PROXY header of a trusted proxy cannot be read.',
  FRONT_CROWDED: 'Too many connections of this address, or of all, have not said yet what they speak.',
} as const
export type FrontRefusalCode = keyof typeof frontRefusals

/** A refused connection, as `recordRefusal` gets it. The refusal log limits how many of them it keeps. */
export interface FrontRefusal {
  listener: string
  address: string
  code: FrontRefusalCode
  detail: string
}

/** The front door cannot do what was asked. */
export class FrontDoorError extends Error {
  override readonly name = 'FrontDoorError'
  readonly code: 'FRONT_PORT_TAKEN' | 'FRONT_CLOSED'
  constructor(code: FrontDoorError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
