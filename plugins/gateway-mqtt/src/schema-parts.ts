import { Type } from 'typebox'

export const closed = { additionalProperties: false } as const
export const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
export const Host = Type.String({ minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9._:-]+$' })
export const Pem = Type.String({ minLength: 1, maxLength: 65_536 })
/** An address or a CIDR. */
export const Address = Type.String({ minLength: 2, maxLength: 49, pattern: '^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$' })

/** 1 to 64 letters, digits and `-_.`, or a whole number from 1. */
export const Id = Type.Union([
  Type.String({ pattern: '^[a-zA-Z0-9_.-]{1,64}$' }),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
])

/** What every object may say of itself. */
export const about = {
  id: Type.Optional(Id),
  name: Type.Optional(Text(256)),
  desc: Type.Optional(Type.String({ maxLength: 256 })),
  labels: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), { maxProperties: 64 }),
  ),
}
