/** A payload that has no form at the other side. */
export class PayloadUnfit extends Error {
  override readonly name = 'PayloadUnfit'
}

/** An object of JSON; anything else has no place in a shadow. */
export function toObject(payload: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(payload.toString())
  } catch (cause) {
    throw new PayloadUnfit('A shadow is JSON, and this payload is none.', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PayloadUnfit('A shadow is a JSON object, and this payload is another value.')
  return { ...value }
}

/** What devices hear as their desired shadow. */
export function toDesired(delta: unknown, version: unknown): Buffer {
  if (typeof delta !== 'object' || delta === null) throw new PayloadUnfit('The delta is no object.')
  return Buffer.from(JSON.stringify({ delta, version: typeof version === 'number' ? version : 0 }))
}
