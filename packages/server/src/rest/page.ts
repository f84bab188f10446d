import { defaultPageSize, PageQuery } from '@patchbay/contracts/page'
import { Type, type TProperties } from 'typebox'

/** The query schema of a list: `limit`, `cursor` and the filters of its own. */
export const pageQuery = <P extends TProperties>(filters: P) =>
  Type.Object({ ...PageQuery, ...filters }, { additionalProperties: false })

/** What a list asks the domain for. */
export const toPage = (query: { limit?: number; cursor?: string }): { limit: number; cursor?: string } => ({
  limit: query.limit ?? defaultPageSize,
  ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
})
