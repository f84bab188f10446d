import { AjvCompiler } from '@fastify/ajv-compiler'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'

const build = AjvCompiler()
const options = { removeAdditional: false, useDefaults: true, allErrors: true } as const

/**
 * Text is made into numbers and booleans only where there is nothing but text: in the query and the path, never in a body.
 * A schema is compiled when it is needed for the first time: all of them together are a good part of the work of a start.
 */
export const createValidatorCompiler = (
  shared: readonly object[],
  compileAtStart: boolean,
): FastifySchemaCompiler<object> => {
  const schemas = Object.fromEntries(shared.map((schema, at) => [`shared-${at}`, schema]))
  const strict = build(schemas, { customOptions: { ...options, coerceTypes: false } })
  const lenient = build(schemas, { customOptions: { ...options, coerceTypes: true } })
  return (route) => {
    const compile = () => (route.httpPart === 'body' ? strict(route) : lenient(route))
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
