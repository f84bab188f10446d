import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifySerializerCompiler } from 'fastify/types/schema.js'

const build = SerializerSelector()

/** Answers are written by their schema, so that nothing leaves that it does not name; compiled when the first one leaves. */
export const createSerializerCompiler = (
  schemas: Record<string, unknown>,
  compileAtStart: boolean,
): FastifySerializerCompiler<object> => {
  const compileOne = build(schemas)
  return ({ schema, method, url, httpStatus = 'default' }) => {
    const compile = () => compileOne({ schema, method, url, httpStatus })
    let made = compileAtStart ? compile() : undefined
    return (value) => (made ??= compile())(value)
  }
}
