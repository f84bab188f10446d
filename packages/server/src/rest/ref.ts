import { Type, type Static, type TSchema } from 'typebox'
import { RestDefect } from './errors.ts'

/**
 * Points at a shared schema instead of repeating it, and keeps its type: `response: { 200: ref(Device) }`. The schema must have an
 * `$id` and be in `schemas.ts`, which makes it a component of the OpenAPI description.
 */
export const ref = <T extends TSchema>(schema: T) => {
  const id: unknown = Reflect.get(schema, '$id')
  if (typeof id !== 'string') throw new RestDefect('ref() takes a schema that has an $id')
  return Type.Unsafe<Static<T>>({ $ref: `${id}#` })
}
