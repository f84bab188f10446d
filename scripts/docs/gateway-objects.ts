import { type Generated, GenerateError, load } from './generator.ts'
import { toJsonType } from './json-type.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

const source = 'plugins/gateway-mqtt/src/schemas.ts'

/** Objects inside an object are shown once, where they are a kind of their own. */
const shownElsewhere: Readonly<Record<string, string>> = { upstream: 'as in `upstreams`' }
const maxDepth = 5

const recordOf = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})

/** The object that a field holds, its items hold, or one of its forms is. */
function innerOf(schema: Record<string, unknown>): { suffix: string; object: Record<string, unknown> } | undefined {
  if (isRecord(schema['properties'])) return { suffix: '', object: schema }
  if (isRecord(schema['items'])) {
    const inner = innerOf(schema['items'])
    return inner && { suffix: `[]${inner.suffix}`, object: inner.object }
  }
  for (const form of Array.isArray(schema['anyOf']) ? schema['anyOf'] : []) {
    const inner = isRecord(form) ? innerOf(form) : undefined
    if (inner) return inner
  }
  return undefined
}

function toRows(schema: Record<string, unknown>, path: string, depth: number): string[][] {
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.entries(recordOf(schema['properties'])).flatMap(([name, field]) => {
    const of = recordOf(field)
    const whole = `${path}${name}`
    const meaning = [shownElsewhere[name] ?? '', textOf(of, 'description')].filter(Boolean).join('; ')
    const standard =
      of['default'] === undefined ? (required.includes(name) ? 'needed' : '') : JSON.stringify(of['default'])
    const inner = name in shownElsewhere || depth >= maxDepth ? undefined : innerOf(of)
    const type = name in shownElsewhere || inner ? (of['type'] === 'array' ? 'list' : 'object') : toJsonType(of)
    const row = [
      `\`${whole}\``,
      `\`${type}\``,
      standard === '' ? '' : `\`${standard}\``.replace('`needed`', 'needed'),
      meaning,
    ]
    return [row, ...(inner ? toRows(inner.object, `${whole}${inner.suffix}.`, depth + 1) : [])]
  })
}

/** docs/reference/gateway.md: every field of the gateway's objects, from the schemas that the Admin API and the file are read by. */
export async function generateGatewayObjects(): Promise<Generated[]> {
  const { resources } = await load(source)
  if (!isRecord(resources)) throw new GenerateError(`${source} exports no resources`)
  const parts = Object.entries(resources).map(([name, schema]) =>
    [`## ${name}`, toTable(['field', 'type', 'default', 'meaning'], toRows(recordOf(schema), '', 0))].join('\n\n'),
  )
  const text = toPage(
    'Objects of the gateway',
    source,
    'Every field that the [gateway](../gateway.md) takes, by its Admin API (`/apisix/admin/{kind}/{id}`, `/admin/{kind}/{id}`) and in `apisix.yaml` alike. Anything else is refused, with what to write instead where there is something. Its own REST is in [api](api.md#gateway).',
    toTable(
      ['request', 'answer'],
      [
        ['`GET /apisix/admin/{kind}`', '200 `{list, total}`; `page`, `page_size` (10 to 500), `name`, `label`'],
        ['`GET /apisix/admin/{kind}/{id}`', '200 `{key, value, createdIndex, modifiedIndex}`; 404 `{message}`'],
        [
          '`PUT /apisix/admin/{kind}/{id}`',
          '201 new, 200 replaced: `{key, value}`; 400 `{error_msg}`; with `If-Match` 412 where another has written meanwhile',
        ],
        ['`POST /apisix/admin/{kind}`', '201 `{key, value}` with an id that is made'],
        [
          '`PATCH /apisix/admin/{kind}/{id}[/{path}]`',
          '200 `{key, value}`: merged, or what stands at the path replaced',
        ],
        [
          '`DELETE /apisix/admin/{kind}/{id}`',
          '200 `{key, deleted}`; 400 where another object uses it, unless `force=true`',
        ],
        ['`POST /apisix/admin/schema/validate/{kind}`', '200, or 400 `{error_msg}`; nothing is saved'],
        ['`GET /apisix/admin/plugins/list`', '200 the names of the plugins'],
      ],
    ),
    ...parts,
  )
  return [{ path: 'docs/reference/gateway.md', text }]
}
