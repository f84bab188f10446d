import { describe, expect, test } from 'vitest'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateApi } from '../../scripts/docs/api.ts'
import { root } from '../../scripts/docs/generator.ts'
import { toJsonType } from '../../scripts/docs/json-type.ts'
import { toTable } from '../../scripts/docs/page.ts'
import { generateSdk } from '../../scripts/docs/sdk.ts'
import { generateSettings } from '../../scripts/docs/settings.ts'

describe('a JSON Schema is written as a type', () => {
  test.each([
    [{ type: 'string' }, 'string'],
    [{ type: 'string', format: 'date-time' }, 'time'],
    [{ $ref: '#/components/schemas/Device' }, 'Device'],
    [{ anyOf: [{ const: 'never' }, { const: 1 }] }, '"never" | 1'],
    [{ type: 'array', items: { enum: ['a', 'b'] } }, '("a" | "b")[]'],
    [{ type: 'object', required: ['a'], properties: { a: { type: 'number' }, b: {} } }, '{a: number, b?: any}'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, '{[key]: number}'],
    [true, 'any'],
  ])('%j', (schema, type) => {
    expect(toJsonType(schema)).toBe(type)
  })
})

describe('the page of the REST API', () => {
  const document = {
    paths: {
      '/api/v1/devices': {
        get: {
          tags: ['devices'],
          summary: 'Lists devices',
          'x-permission': 'devices.read',
          parameters: [{ in: 'query', name: 'limit', schema: { type: 'integer' } }],
          responses: {
            200: {
              content: {
                'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/Device' } } },
              },
            },
            default: { $ref: '#/components/responses/Problem' },
          },
        },
      },
    },
    components: { schemas: { Device: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } } } },
  }

  test('tells verb, path, permission, summary, query and answer', () => {
    const text = generateApi(document)[0]?.text ?? ''
    expect(text).toContain('### GET /api/v1/devices\n\nLists devices — Permission: `devices.read`.')
    expect(text).toContain('- query: `limit?: integer`')
    expect(text).toContain('- answers: `200 Device[]`')
    expect(text).toContain('### Device')
  })

  test('an empty description is an error, not an empty page', () => {
    expect(() => generateApi({})).toThrow('no paths')
  })
})

test('text in a table cannot break out of its cell', () => {
  expect(toTable(['a'], [['x|y\nz']])).toBe('| a |\n| --- |\n| x\\|y z |')
})

test('the page of the settings names every setting of the contract that a first start needs', async () => {
  const [page] = await generateSettings()
  for (const name of ['PATCHBAY_PORT', 'PATCHBAY_DATA', 'PATCHBAY_API_KEY', 'PATCHBAY_PLAIN']) {
    expect(page?.text).toContain(`\`${name}\``)
  }
})

test('the reference of the SDK tells every export by its entry and kind, with its members, and is current', async () => {
  const [{ path, text } = { path: '', text: '' }] = await generateSdk()
  // From an interface with its type parameter, a method of contracts, a function of an object, a schema, and another entry.
  for (const line of [
    '```ts\ninterface Context<C>\n```',
    '- `publish(topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>`: Publishes; resolves when the message is durable',
    '- `field.secret(options: FieldOptions = {})`: Kept encrypted',
    '- `link?: string`: The alert in the console',
    '## @patchbay/sdk/outbound-socket\n\nExports also, as above: ',
  ])
    expect(text).toContain(line)
  expect(text).toBe(await readFile(join(root, path), 'utf8'))
})
