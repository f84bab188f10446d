import { Type, type TSchema } from 'typebox'

/** Rows a list answers when not told, and at most. */
export const defaultPageSize = 50
export const maxPageSize = 200

/** The query of every list. `cursor` is what the previous page answered as `nextCursor`. */
export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageSize, default: defaultPageSize })),
  cursor: Type.Optional(Type.String({ maxLength: 1024 })),
}

/** The answer of every list; `nextCursor` is absent on the last page. */
export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Type.Optional(Type.String()) })
