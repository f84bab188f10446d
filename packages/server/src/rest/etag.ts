import type { FastifyReply, FastifyRequest } from 'fastify'
import { RestError } from './errors.ts'

/** Says the document's version; a later `If-Match` with it makes the write fail (412) when someone else wrote meanwhile. */
export const setVersion = (reply: FastifyReply, version: number | undefined): void => {
  if (version !== undefined) reply.header('etag', `"${version}"`)
}

/** The version that `If-Match` demands; undefined when there is none, or `*`. The domain answers a mismatch with VERSION_CONFLICT. */
export const expectedVersion = (request: FastifyRequest): number | undefined => {
  const header = request.headers['if-match']
  if (header === undefined || header.trim() === '*') return undefined
  const match = /^\s*(?:W\/)?"?(\d{1,15})"?\s*$/.exec(header)
  if (!match) throw new RestError('PRECONDITION_INVALID', 'If-Match takes one ETag as it was answered, such as "3".')
  return Number(match[1])
}
