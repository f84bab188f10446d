import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkImports, type Packages, readImports } from './imports.ts'
import { readSources, root } from './source-files.ts'

const manifests = new Map<string, { run: ReadonlySet<string>; test: ReadonlySet<string> }>()
const packages: Packages = {
  dependencies(path) {
    const folder = path
      .split('/')
      .slice(0, /^(bench|console)\//.test(path) ? 1 : 2)
      .join('/')
    let found = manifests.get(folder)
    if (!found) {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(
        readFileSync(join(root, folder, 'package.json'), 'utf8'),
      )
      const run = new Set(Object.keys(dependencies))
      found = { run, test: new Set([...run, ...Object.keys(devDependencies)]) }
      manifests.set(folder, found)
    }
    return found
  },
}

test('every import in the house keeps to the list', () => {
  const files = readSources()
  expect(files.length).toBeGreaterThan(50)
  expect(checkImports(files, packages)).toEqual([])
})

describe('imports are read from', () => {
  test.each([
    ["import { a } from 'x'", ['x']],
    ["import type { A } from 'x'", ['x']],
    ["import a, {\n  b,\n  type C,\n} from 'x'", ['x']],
    ["import 'x'", ['x']],
    ["export * from './x.ts'", ['./x.ts']],
    ["export type { A } from 'x'", ['x']],
    ["const { a } = await import('x')", ['x']],
    ["/** import { a } from 'no' */\n// import 'no'\nimport 'x'", ['x']],
    ['const text = \'taken from "x"\'', []],
  ])('%j', (text, expected) => {
    expect(readImports(text).map(({ specifier }) => specifier)).toEqual(expected)
  })

  test('with the line they stand on', () => {
    expect(readImports("// one\n\nimport { a } from 'x'\n")[0]?.line).toBe(3)
  })
})

describe('a broken rule is found', () => {
  const declared: Packages = { dependencies: () => ({ run: new Set(['fastify']), test: new Set(['fastify', 'ws']) }) }
  const check = (path: string, text: string) => checkImports([{ path, text }], declared)
  test.each([
    ['packages/contracts/src/a.ts', "import { b } from '@patchbay/sdk'", 'imports sdk'],
    ['packages/contracts/src/a.ts', "import { readFile } from 'node:fs'", 'imports node:fs'],
    ['packages/sdk/src/a.ts', "import fastify from 'fastify'", 'only its types'],
    ['packages/sdk/src/a.ts', "import { b } from '@patchbay/core/b'", 'imports core'],
    ['packages/plugin-host/src/a.ts', "import { b } from '@patchbay/core/b'", 'imports core'],
    ['packages/core/src/a.ts', "import { b } from '@patchbay/plugin-host/b'", 'imports plugin-host'],
    ['packages/core/src/a.ts', "import fastify from 'fastify'", 'imports fastify'],
    ['packages/core/src/devices/a.ts', "import { b } from '../ingest/columns.ts'", 'workings of core/ingest'],
    ['packages/testkit/src/a.ts', "import { b } from '@patchbay/core/b'", 'imports core'],
    ['packages/server/src/a.ts', "import plugin from '@patchbay/adapter-http'", 'imports the plugin'],
    ['packages/server/src/a.ts', "import { b } from 'ws'", 'declare for running'],
    ['packages/server/src/a.ts', "import { b } from '@patchbay/testkit'", 'imports testkit'],
    ['packages/server/src/a.ts', "import { b } from '../../core/src/b.ts'", 'another package by a path'],
    ['packages/server/src/a.ts', "import { b } from './b'", 'without its extension'],
    ['plugins/adapter-http/src/a.ts', "import { b } from '@patchbay/core/b'", 'imports core'],
    ['plugins/adapter-http/src/a.ts', "import { b } from '@patchbay/adapter-mqtt'", 'imports the plugin'],
    ['plugins/adapter-http/src/a.ts', "import { b } from '@patchbay/testkit'", 'imports testkit'],
    ['plugins/adapter-http/src/a.ts', "import { b } from '@patchbay/server/main'", 'imports server'],
    ['bench/simulate/a.ts', "import { b } from '@patchbay/server/main'", 'imports server'],
    ['bench/simulate/a.ts', "const b = await import('lodash')", 'imports lodash'],
  ])('%s: %s', (path, text, why) => {
    expect(check(path, text)).toHaveLength(1)
    expect(check(path, text)[0]).toContain(why)
  })

  test.each([
    ['packages/sdk/src/a.ts', "import type { FastifyPluginAsync } from 'fastify'"],
    ['packages/core/src/devices/a.ts', "import type { B } from '../telemetry/port.ts'"],
    ['packages/core/src/devices/a.ts', "import { b } from '../errors.ts'"],
    ['packages/core/src/devices/a.ts', "import { b } from './b.ts'"],
    ['packages/server/src/a.ts', "import manifest from '@patchbay/adapter-http/plugin.json' with { type: 'json' }"],
    ['plugins/adapter-http/src/a.test.ts', "import { b } from '@patchbay/testkit'"],
    ['plugins/adapter-http/src/a.test.ts', "import { b } from 'ws'"],
  ])('and nothing is found in %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([])
  })
})
