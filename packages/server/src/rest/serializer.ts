import { createRequire } from 'node:module'
import type { FastifySerializerCompiler } from 'fastify/types/schema.js'

const require = createRequire(import.meta.url)

/** Answers are written by their schema, so that nothing leaves that it does not name; compiled, and the compiler read, when the first one leaves. */
export const createSerializerCompiler = (
  schemas: Record<string, unknown>,
  compileAtStart: boolean,
): FastifySerializerCompiler<object> => {
  let compileOne: ReturnType<typeof buildCompiler> | undefined
  return ({ schema, method, url, httpStatus = 'default' }) => {
    const compile = () => (compileOne ??= buildCompiler(schemas))({ schema, method, url, httpStatus })
    let made = compileAtStart ? compile() : undefined
    return (value) => (made ??= compile())(value)
  }
}

const buildCompiler = (schemas: Record<string, unknown>) => {
  const {
    SerializerSelector,
  }: typeof import('@fastify/fast-json-stringify-compiler') = require('@fastify/fast-json-stringify-compiler')
  return SerializerSelector()(schemas)
}
