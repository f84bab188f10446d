import { type Generated, GenerateError } from './generator.ts'
import { toJsonType } from './json-type.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

const verbs = ['get', 'post', 'put', 'patch', 'delete'] as const

interface Operation {
  verb: string
  path: string
  tag: string
  /** Undefined where the description does not tell it. */
  permission: string
  summary: string
  query: string
  body: string
  answers: string
}

const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : [])
const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})

/** Schemas of a body or an answer, by media type. */
function contentType(holder: unknown): string {
  const types = Object.values(record(record(holder)['content'])).map((media) => toJsonType(record(media)['schema']))
  return [...new Set(types)].join(' | ')
}

function toQuery(parameters: unknown): string {
  return records(parameters)
    .filter(({ in: place }) => place === 'query')
    .map((one) => `${textOf(one, 'name')}${one['required'] === true ? '' : '?'}: ${toJsonType(one['schema'])}`)
    .join(', ')
}

function toAnswers(responses: unknown): string {
  return Object.entries(record(responses))
    .filter(([status]) => /^[123]/.test(status))
    .map(([status, answer]) => `${status} ${contentType(answer)}`.trim())
    .join('; ')
}

function toOperation(path: string, verb: string, operation: Record<string, unknown>): Operation {
  const tag: unknown = Array.isArray(operation['tags']) ? operation['tags'][0] : undefined
  return {
    verb: verb.toUpperCase(),
    path,
    tag: typeof tag === 'string' ? tag : 'others',
    permission: textOf(operation, 'x-permission'),
    summary: textOf(operation, 'summary') || textOf(operation, 'description'),
    query: toQuery(operation['parameters']),
    body: contentType(operation['requestBody']),
    answers: toAnswers(operation['responses']),
  }
}

function readOperations(document: Record<string, unknown>): Operation[] {
  const operations: Operation[] = []
  for (const [path, item] of Object.entries(record(document['paths']))) {
    for (const verb of verbs) {
      const operation = record(item)[verb]
      if (isRecord(operation)) operations.push(toOperation(path, verb, operation))
    }
  }
  if (operations.length === 0) throw new GenerateError('the OpenAPI description has no paths')
  return operations.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

const code = (text: string) => (text === '' ? '' : `\`${text}\``)

function toSection(tag: string, operations: readonly Operation[]): string {
  const parts = operations.map(({ verb, path, permission, summary, query, body, answers }) =>
    [
      `### ${verb} ${path}`,
      [summary, permission === '' ? '' : `Permission: \`${permission}\`.`].filter(Boolean).join(' — '),
      [
        ['query', query],
        ['body', body],
        ['answers', answers],
      ]
        .flatMap(([name, text]) => (text ? [`- ${name}: ${code(text)}`] : []))
        .join('\n'),
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  return [`## ${tag}`, ...parts].join('\n\n')
}

function toShapes(document: Record<string, unknown>): string {
  const schemas = Object.entries(record(record(document['components'])['schemas']))
  if (schemas.length === 0) return ''
  const parts = schemas
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => {
      const fields = Object.entries(record(record(schema)['properties']))
      const description = textOf(record(schema), 'description')
      if (fields.length === 0)
        return [`### ${name}`, description, code(toJsonType(schema))].filter(Boolean).join('\n\n')
      const needed = record(schema)['required']
      const required = new Set<unknown>(Array.isArray(needed) ? needed : [])
      const rows = fields.map(([field, spec]) => [
        `\`${field}\``,
        code(toJsonType(spec, 1)),
        required.has(field) ? '' : 'may be absent',
        textOf(record(spec), 'description'),
      ])
      return [`### ${name}`, description, toTable(['field', 'type', '', 'meaning'], rows)].filter(Boolean).join('\n\n')
    })
  return ['## Shapes', ...parts].join('\n\n')
}

/** docs/reference/api.md, from an OpenAPI 3.1 description. */
export function generateApi(document: Record<string, unknown>): Generated[] {
  const operations = readOperations(document)
  const tags = [...new Set(operations.map(({ tag }) => tag))].sort()
  const overview = toTable(
    ['path', 'verbs'],
    [...new Set(operations.map(({ path }) => path))].map((path) => [
      `\`${path}\``,
      operations.flatMap((one) => (one.path === path ? [one.verb] : [])).join(', '),
    ]),
  )
  const text = toPage(
    'REST API',
    'the OpenAPI description that the server answers at /api/v1/openapi.json',
    'Send JSON, get JSON. Log in with `Authorization: Bearer <API key>`, or with the cookie of `POST /api/v1/session`. Times are ISO 8601 in UTC. Lists take `limit` and `cursor` and answer `{items, nextCursor}`. A refusal is a problem body (RFC 9457) with a `code` from [errors](errors.md). Beside a change that others may have made meanwhile, send `If-Match` with the version you saw; a mismatch is 412.',
    'A `?` marks what may be left out; `time` is ISO 8601.',
    overview,
    ...tags.map((tag) =>
      toSection(
        tag,
        operations.filter((one) => one.tag === tag),
      ),
    ),
    toShapes(document),
  )
  return [{ path: 'docs/reference/api.md', text: text.replace(/\n+$/, '\n') }]
}
