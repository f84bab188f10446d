import type { DescribedRoute } from '@patchbay/plugin-host/http/described-routes'

type Json = Record<string, unknown>

const prefix = '/api/v1/'
const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const recordOf = (value: unknown): Json => (isRecord(value) ? value : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const toParameters = (place: 'path' | 'query', schema: unknown): Json[] => {
  const { properties, required } = recordOf(schema)
  const needed: readonly unknown[] = Array.isArray(required) ? required : []
  return Object.entries(recordOf(properties)).map(([name, of]) => ({
    name,
    in: place,
    required: place === 'path' || needed.includes(name),
    schema: of,
  }))
}

const toContent = (schema: unknown): Json => ({ content: { 'application/json': { schema } } })

const toResponses = (response: unknown, refused: unknown): Json => {
  const answers = Object.entries(recordOf(response)).map(([status, schema]) => {
    const description = textOf(recordOf(schema)['description']) || 'Done'
    return [status, recordOf(schema)['type'] === 'null' ? { description } : { description, ...toContent(schema) }]
  })
  return { ...Object.fromEntries(answers), ...(refused === undefined ? {} : { default: refused }) }
}

/** What a problem looks like, as the platform's own operations say it. */
const refusedOf = (paths: Json): unknown => {
  for (const verbs of Object.values(paths))
    for (const operation of Object.values(recordOf(verbs))) {
      const found = recordOf(recordOf(operation)['responses'])['default']
      if (found !== undefined) return found
    }
  return undefined
}

/** The platform's description with the routes under /api/v1 that plugins have described. */
export function withPluginRoutes(document: Json, routes: readonly DescribedRoute[]): Json {
  const paths = { ...recordOf(document['paths']) }
  const refused = refusedOf(paths)
  for (const { method, url, schema, permission } of routes) {
    if (!url.startsWith(prefix)) continue
    const path = url.replaceAll(/:([A-Za-z0-9_]+)/g, '{$1}')
    const { summary, operationId, params, querystring, body, response } = schema
    const parameters = [...toParameters('path', params), ...toParameters('query', querystring)]
    paths[path] = {
      ...recordOf(paths[path]),
      [method.toLowerCase()]: {
        operationId,
        summary,
        tags: [url.slice(prefix.length).split('/')[0]],
        security: [{ session: [] }, { apiKey: [] }],
        'x-permission': permission,
        ...(parameters.length > 0 ? { parameters } : {}),
        ...(body === undefined ? {} : { requestBody: { required: true, ...toContent(body) } }),
        responses: toResponses(response, refused),
      },
    }
  }
  return { ...document, paths }
}
