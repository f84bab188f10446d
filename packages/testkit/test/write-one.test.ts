import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Plugin } from '@patchbay/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFakeSessions, startPlugin } from '../src/index.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The first block of this language in a page of the documentation. */
const blockOf = async (page: string, language: string): Promise<string> => {
  const text = await readFile(join(root, 'docs/plugins', page), 'utf8')
  const block = new RegExp(`\`\`\`${language}[^\\n]*\\n([^]*?)\`\`\``).exec(text)?.[1]
  if (block === undefined) throw new Error(`${page} has no block of ${language}`)
  return block
}

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-docs-'))
  await symlink(join(root, 'packages/testkit/node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(join(folder, 'example.ts'), await blockOf('write-one.md', 'ts'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the plugin of the documentation runs with the manifest of the documentation', async () => {
  const manifest: PluginManifest = JSON.parse(await blockOf('manifest.md', 'json'))
  const plugin: Plugin = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'example.ts')).href)).default
  const sessions = createFakeSessions({ devices: { 'boiler-1': 'good' } })
  const host = await startPlugin(plugin, { manifest, sessions, config: { topicKey: 'level' } })
  const post = (secret: string) =>
    host.request({
      method: 'POST',
      url: '/x/adapter-example/boiler-1',
      headers: { 'x-secret': secret },
      payload: { a: 1 },
    })
  expect((await post('good')).statusCode).toBe(204)
  expect(sessions.published.map(({ topic, bytes }) => [topic, Buffer.from(bytes).toString()])).toEqual([
    ['devices/boiler-1/telemetry', '{"level":{"a":1}}'],
  ])
  expect((await post('wrong')).statusCode).toBe(401)
  expect(sessions.opened.every(({ closed }) => closed)).toBe(true)
  expect(await host.stop()).toEqual({ failures: [], left: [] })
})
