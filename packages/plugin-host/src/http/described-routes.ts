import type { HttpMount } from '@patchbay/contracts/plugin'
import type { RouteOptions } from 'fastify'
import { mountOf } from './mounts.ts'

/** What a plugin says of one of its routes, for the description of the REST API. */
export interface DescribedRoute {
  method: string
  /** As it was registered, such as `/api/v1/things/:id`. */
  url: string
  /** With a `summary`, and `x-permission` where it is not that of the mount; `params`, `querystring`, `body` and `response` hold JSON Schemas. */
  schema: Readonly<Record<string, unknown>>
  /** What the caller needs; undefined where the plugin asks for itself. */
  permission: string | undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Those that have something to say: without a summary a route stays out of the description. */
export function toDescribed(
  { method, url, schema }: Pick<RouteOptions, 'method' | 'url' | 'schema'>,
  mounts: readonly HttpMount[],
): DescribedRoute[] {
  if (!isRecord(schema) || typeof schema['summary'] !== 'string') return []
  const own = schema['x-permission']
  const permission = typeof own === 'string' ? own : mountOf(mounts, url)?.permission
  const methods = typeof method === 'string' ? [method] : method
  return methods.filter((each) => each !== 'HEAD').map((each) => ({ method: each, url, schema, permission }))
}
