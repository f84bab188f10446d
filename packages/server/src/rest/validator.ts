import { createRequire } from 'node:module'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'

const require = createRequire(import.meta.url)
const options = { removeAdditional: false, useDefaults: true, allErrors: true } as const

/**
 * Text is made into numbers and booleans only where there is nothing but text: in the query and the path, never in a body.
 * A schema is compiled when it is needed for the first time: all of them together are a good part of the work of a start. So is the
 * compiler itself, which a platform that only takes data never reads.
 */
export const createValidatorCompiler = (
  shared: readonly object[],
  compileAtStart: boolean,
): FastifySchemaCompiler<object> => {
  const schemas = Object.fromEntries(shared.map((schema, at) => [`shared-${at}`, schema]))
  let compilers: Compilers | undefined
  return (route) => {
    const compile = () => {
      compilers ??= buildCompilers(schemas)
      return route.httpPart === 'body' ? compilers.strict(route) : compilers.lenient(route)
    }
    let made = compileAtStart ? compile() : undefined
    const validate = (value: unknown): boolean => {
      made ??= compile()
      const valid = made(value)
      // Fastify reads the reasons off the function that it has called.
      validate.errors = toErrors(made.errors)
      return valid
    }
    validate.errors = toErrors(undefined)
    return validate
  }
}

type Compilers = ReturnType<typeof buildCompilers>

const buildCompilers = (schemas: Record<string, object>) => {
  const { AjvCompiler }: typeof import('@fastify/ajv-compiler') = require('@fastify/ajv-compiler')
  const build = AjvCompiler()
  return {
    strict: build(schemas, { customOptions: { ...options, coerceTypes: false } }),
    lenient: build(schemas, { customOptions: { ...options, coerceTypes: true } }),
  }
}

const toErrors = (errors: FastifySchemaValidationError[] | null | undefined): FastifySchemaValidationError[] | null =>
  errors ?? null
