import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler'

const build = AjvCompiler()

/** Text is made into numbers and booleans only where there is nothing but text: in the query and the path, never in a body. */
export const buildValidator: BuildCompilerFromPool = (schemas, options) => {
  const custom = { ...options?.customOptions }
  const strict = build(schemas, { customOptions: { ...custom, coerceTypes: false } })
  const lenient = build(schemas, { customOptions: { ...custom, coerceTypes: true } })
  return (route, meta) => {
    const part: unknown = typeof route === 'object' && 'httpPart' in route ? route['httpPart'] : undefined
    return part === 'body' ? strict(route, meta) : lenient(route, meta)
  }
}
