import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

/** A request behind the boundary is collected first. Larger bodies are refused with 413. */
export const maxBodyBytes = 1024 * 1024
/** An answer is collected too, by the plugin's side, which gives up a larger one: 500, PLUGIN_ANSWER_TOO_LARGE. */
export const maxAnswerBytes = 4 * 1024 * 1024
/** What the platform holds of the bodies for one instance, and of its answers; a request beyond gets 503, INSTANCE_BUSY. */
export const maxHeldBytes = 32 * 1024 * 1024
/** An answer that a socket takes at once is not counted. */
export const uncountedBytes = 16 * 1024

const Headers = Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]))
const methods = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS'] as const
const CarriedRequest = Type.Object({
  method: Type.Union(methods.map((method) => Type.Literal(method))),
  url: Type.String(),
  headers: Headers,
  admitted: Type.Boolean(),
  peer: Type.Object({
    address: Type.String(),
    encrypted: Type.Boolean(),
    listener: Type.String(),
    certificate: Type.Optional(Type.Object({ deviceId: Type.String(), fingerprint: Type.String() })),
  }),
})
export type CarriedRequest = Static<typeof CarriedRequest>
export const carriedMethods: readonly string[] = methods
export const isCarriedRequest = (value: unknown): value is CarriedRequest => Value.Check(CarriedRequest, value)

const CarriedAnswer = Type.Object({
  status: Type.Integer({ minimum: 200, maximum: 599 }),
  headers: Type.Record(Type.String(), Type.Unknown()),
})
export type CarriedAnswer = Static<typeof CarriedAnswer>
export const isCarriedAnswer = (value: unknown): value is CarriedAnswer => Value.Check(CarriedAnswer, value)
