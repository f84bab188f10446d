/** What a client has sent is not MQTT, or not allowed by it: the connection ends, in MQTT 5 with this reason code. [MQTT-4.13.1-1] */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly reasonCode: number
  constructor(reasonCode: number, why: string) {
    super(why)
    this.reasonCode = reasonCode
  }
}

/** [MQTT 5, 1.2] cannot be parsed as the specification says. */
export const malformed = (why: string) => new Violation(0x81, why)

/** [MQTT 5, 1.2] can be parsed, and is not allowed here. */
export const protocolError = (why: string) => new Violation(0x82, why)

export const topicNameInvalid = (why: string) => new Violation(0x90, why)

export const receiveMaximumExceeded = () => new Violation(0x93, 'More unacknowledged messages than the Receive Maximum')

export const topicAliasInvalid = (why: string) => new Violation(0x94, why)
