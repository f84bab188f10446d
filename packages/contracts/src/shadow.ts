import { Type, type Static } from 'typebox'

const Document = Type.Record(Type.String(), Type.Unknown())

/** A device's wanted and reported state. `delta` is what is desired and not (yet) reported so; `version` counts changes of desired. */
export const Shadow = Type.Object(
  { desired: Document, reported: Document, delta: Document, version: Type.Integer({ minimum: 0 }) },
  { $id: 'Shadow' },
)
export type Shadow = Static<typeof Shadow>

/** Merged into desired; null removes a key. With `version`, refused with 409 unless it is the current one. */
export const ShadowPatch = Type.Object(
  { desired: Document, version: Type.Optional(Type.Integer({ minimum: 0 })) },
  { additionalProperties: false },
)
export type ShadowPatch = Static<typeof ShadowPatch>
