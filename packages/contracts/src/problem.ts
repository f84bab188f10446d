import { Type, type Static } from 'typebox'

/** One wrong field of a request: `path` is a JSON pointer into the body, the query or the params. */
export const FieldError = Type.Object({ path: Type.String(), code: Type.String(), message: Type.String() })
export type FieldError = Static<typeof FieldError>

/** The body of every refusal in REST: RFC 9457 section 3.1, with `code` (see docs/reference/errors.md) and the request's id. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'An address inside the documentation, naming the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong and what to do' }),
    code: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(Type.Array(FieldError)),
  },
  { $id: 'Problem' },
)
export type Problem = Static<typeof Problem>
