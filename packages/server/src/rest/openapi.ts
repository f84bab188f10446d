import swagger from '@fastify/swagger'
import type { RestApp, GeneralDeps, RoutePermission } from './route-deps.ts'

const prefix = '/api/v1/'

const problemResponse = {
  description: 'Refused, with a problem body (RFC 9457)',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
}

/** `devices` of `/api/v1/devices/:id`: what the description groups by where a route says nothing. */
const areaOf = (url: string): string => url.slice(prefix.length).split('/')[0] ?? 'system'

const securityOf = (permission: RoutePermission | undefined) =>
  permission === 'open' ? [] : [{ session: [] }, { apiKey: [] }]

const toOperationId = (method: string, url: string): string =>
  `${method.toLowerCase()}${url
    .slice(prefix.length)
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('')}`

/** Collects every route under /api/v1 into an OpenAPI 3.1 description, from the schemas that validate. */
export const describe = async (app: RestApp, deps: GeneralDeps): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Patchbay', version: '1', description: 'The REST API of the Patchbay IoT platform' },
      servers: [{ url: deps.publicUrl ?? '/' }],
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: '__Host-patchbay' },
          apiKey: { type: 'http', scheme: 'bearer' },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => {
      const permission = route.config?.permission
      const described = schema ?? {}
      if (!url.startsWith(prefix)) return { schema: { ...described, hide: true }, url }
      const response = typeof described.response === 'object' ? described.response : {}
      return {
        schema: {
          operationId: toOperationId(String(route.method), url),
          tags: [areaOf(url)],
          ...described,
          security: securityOf(permission),
          // What the caller needs, for generators and people alike.
          ['x-permission']: permission,
          response: { ...response, default: problemResponse },
        },
        url,
      }
    },
  })
}
