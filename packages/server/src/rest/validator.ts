import { AjvCompiler } from '@fastify/ajv-compiler'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'

const compilerOf = AjvCompiler()
const options = { removeAdditional: false, useDefaults: true, allErrors: true } as const

/**
 * Text is made into numbers and booleans only where there is nothing but text: in the query and the path, never in a body.
 * A schema is compiled, and what it is compiled with is made, when needed for the first time: all of that is a good part of the work of a start.
 */
export const createValidatorCompiler = (
  shared: readonly object[],
  compileAtStart: boolean,
): FastifySchemaCompiler<object> => {
  const schemas = Object.fromEntries(shared.map((schema, at) => [`shared-${at}`, schema]))
  const build = (coerceTypes: boolean) => compilerOf(schemas, { customOptions: { ...options, coerceTypes } })
  let strict: ReturnType<typeof build> | undefined
  let lenient: ReturnType<typeof build> | undefined
  return (route) => {
    const compile = () => (route.httpPart === 'body' ? (strict ??= build(false)) : (lenient ??= build(true)))(route)
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

const toErrors = (errors: FastifySchemaValidationError[] | null | undefined): FastifySchemaValidationError[] | null =>
  errors ?? null
