/** RFC 5246, section 7.2, as far as they are sent or understood here. */
export const alert = {
  closeNotify: 0,
  handshakeFailure: 40,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  noRenegotiation: 100,
} as const

const warning = 1
const fatal = 2
const warnings: ReadonlySet<number> = new Set([alert.closeNotify, alert.noRenegotiation])

export const writeAlert = (description: number): Buffer =>
  Buffer.from([warnings.has(description) ? warning : fatal, description])

/** Whether an alert of the peer ends the session. */
export const isEnding = (body: Buffer): boolean => body[0] === fatal || body[1] === alert.closeNotify
