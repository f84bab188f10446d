/** The peer broke the specification: its connection ends with this condition. [AMQP 2.8.16] */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly condition: 'amqp:decode-error' | 'amqp:connection:framing-error' | 'amqp:not-allowed' | 'amqp:invalid-field'
  constructor(condition: Violation['condition'], message: string) {
    super(message)
    this.condition = condition
  }
}

export const notDecoded = (why: string) => new Violation('amqp:decode-error', why)
