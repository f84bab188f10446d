import { Type, type Static } from 'typebox'

/** A device's id, which is also its user name: 1 to 128 characters, no `+ # / $` and no NUL, so that it is safe inside a topic. */
export const DeviceId = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$',
  description: 'Device id: a letter or digit, then up to 127 of letters, digits and . _ : -',
})
export type DeviceId = Static<typeof DeviceId>

/** A name that admins give to a type, rule, role or instance: lower risk in addresses than free text. */
export const namePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
export const Name = Type.String({
  pattern: namePattern,
  description: 'A letter or digit, then up to 63 of letters, digits and . _ -',
})

/** Free text that people read; never used as an address. */
export const Title = Type.String({ minLength: 1, maxLength: 200 })

/** ISO 8601 in UTC, as every time in REST; milliseconds unless a point's time needs microseconds. */
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC' })

export const Tags = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 50, uniqueItems: true })

/** Version of a stored document: 1 when made, one more with every change. It is the ETag of REST. */
export const Version = Type.Integer({ minimum: 1 })
