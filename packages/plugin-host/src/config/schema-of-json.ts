import { definePlugin } from '@patchbay/sdk'
import { Type, type TSchema } from 'typebox'
import { HostError } from '../errors.ts'
import { isRecord } from './plain.ts'

export type Fields = Parameters<typeof definePlugin>[0]['config']

const maxDepth = 6

const refuse = (why: string): never => {
  throw new HostError('PLUGIN_LOAD_FAILED', `Its configuration has ${why}, which the fields of the SDK never make.`)
}

/**
 * The fields of a configuration, made again from the JSON Schema that a plugin behind the boundary says it has. Only what the fields of the
 * SDK can say is taken, so a stranger's schema can hold no more than the form can draw.
 */
export function toFields(schema: unknown, depth = 0): Fields {
  if (!isRecord(schema) || schema['type'] !== 'object' || !isRecord(schema['properties']))
    return refuse('something that is no set of fields')
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.fromEntries(
    Object.entries(schema['properties']).map(([name, of]) => {
      if (name === '__proto__') return refuse('a field of a forbidden name')
      const field = toField(of, depth + 1)
      return [name, required.includes(name) ? field : Type.Optional(field)]
    }),
  )
}

function toField(schema: unknown, depth: number): TSchema {
  if (!isRecord(schema) || depth > maxDepth) return refuse('a field that is none, or is nested too deeply')
  if ('x-setting' in schema) return refuse('a field with x-setting')
  const { type, properties: _p, required: _r, items, ...options } = schema
  if (Array.isArray(schema['enum'])) return Type.Unsafe({ ...schema })
  switch (type) {
    case 'string':
      return Type.String(options)
    case 'integer':
      return Type.Integer(options)
    case 'number':
      return Type.Number(options)
    case 'boolean':
      return Type.Boolean(options)
    case 'array':
      return Type.Array(toField(items, depth + 1), options)
    case 'object':
      return Type.Object(toFields(schema, depth), options)
    default:
      return refuse(`a field of type ${String(type)}`)
  }
}
