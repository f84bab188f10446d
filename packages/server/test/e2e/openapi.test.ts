import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let backups: string
let description: any

beforeAll(async () => {
  backups = await mkdtemp(join(tmpdir(), 'patchbay-backups-'))
  server = await startInProcess({ compileAtStart: true, env: { PATCHBAY_BACKUPS: backups } })
  const api = createApi(server.url)
  // On a busy machine a plugin may come after the platform.
  await vi.waitFor(async () => expect((await api.get('/api/v1/gateway/nodes')).status).toBe(200), 10_000)
  description = (await api.get('/api/v1/openapi.json')).body
})
afterAll(async () => {
  await server.close()
  await rm(backups, { recursive: true, force: true })
})

const promised: Record<string, readonly string[]> = {
  '/api/v1/setup': ['get', 'post'],
  '/api/v1/session': ['get', 'post', 'delete'],
  '/api/v1/devices': ['get', 'post'],
  '/api/v1/devices/import': ['post'],
  '/api/v1/devices/{id}': ['get', 'patch', 'delete'],
  '/api/v1/devices/{id}/credentials': ['get', 'post'],
  '/api/v1/devices/{id}/credentials/{cid}': ['delete'],
  '/api/v1/devices/{id}/sessions': ['get'],
  '/api/v1/devices/{id}/sessions/{sid}': ['delete'],
  '/api/v1/devices/{id}/latest': ['get'],
  '/api/v1/devices/{id}/telemetry': ['get'],
  '/api/v1/devices/{id}/shadow': ['get', 'patch'],
  '/api/v1/devices/{id}/commands': ['get', 'post'],
  '/api/v1/devices/{id}/commands/{cid}': ['get'],
  '/api/v1/devices/{id}/commands/{cid}/cancel': ['post'],
  '/api/v1/devices/{id}/access/test': ['post'],
  '/api/v1/access/rules': ['get', 'post'],
  '/api/v1/access/rules/{id}': ['get', 'put', 'delete'],
  '/api/v1/refusals': ['get'],
  '/api/v1/types': ['get', 'post'],
  '/api/v1/types/{id}': ['get', 'put', 'delete'],
  '/api/v1/alerts': ['get'],
  '/api/v1/alerts/{id}': ['get'],
  '/api/v1/alerts/{id}/acknowledge': ['post'],
  '/api/v1/alerts/{id}/resolve': ['post'],
  '/api/v1/alerts/{id}/assign': ['post'],
  '/api/v1/alerts/{id}/comments': ['post'],
  '/api/v1/alerts/{id}/silence': ['post'],
  '/api/v1/maintenance': ['get', 'post'],
  '/api/v1/maintenance/{id}': ['get', 'put', 'delete'],
  '/api/v1/jobs': ['get'],
  '/api/v1/messages': ['post'],
  '/api/v1/messages/retained': ['get', 'delete'],
  '/api/v1/plugins': ['get'],
  '/api/v1/plugins/{id}': ['get'],
  '/api/v1/plugins/{id}/instances': ['get'],
  '/api/v1/plugins/{id}/instances/{name}': ['get', 'put', 'delete'],
  '/api/v1/plugins/{id}/instances/{name}/enable': ['post'],
  '/api/v1/plugins/{id}/instances/{name}/disable': ['post'],
  '/api/v1/plugins/{id}/instances/{name}/restart': ['post'],
  '/api/v1/plugins/{id}/instances/{name}/test': ['post'],
  '/api/v1/channels': ['get', 'post'],
  '/api/v1/channels/{name}': ['get', 'put', 'delete'],
  '/api/v1/channels/test': ['post'],
  '/api/v1/system/listeners': ['get'],
  '/api/v1/system/storage': ['get'],
  '/api/v1/users': ['get', 'post'],
  '/api/v1/users/{id}': ['get', 'patch', 'delete'],
  '/api/v1/roles': ['get', 'post'],
  '/api/v1/roles/{id}': ['get', 'put', 'delete'],
  '/api/v1/api-keys': ['get', 'post'],
  '/api/v1/api-keys/{id}': ['get', 'delete'],
  '/api/v1/audit': ['get'],
  '/api/v1/gateway/sessions': ['get'],
  '/api/v1/gateway/sessions/{id}': ['delete'],
  '/api/v1/gateway/nodes': ['get'],
  '/api/v1/gateway/routes': ['get'],
  '/api/v1/gateway/certificates': ['get'],
  '/api/v1/gateway/drain': ['post'],
  '/api/v1/gateway/simulate': ['post'],
}

test('the description holds every path and verb that is promised', () => {
  expect(description.openapi).toMatch(/^3\.1\./)
  const missing = Object.entries(promised).flatMap(([path, verbs]) =>
    verbs.filter((verb) => description.paths[path]?.[verb] === undefined).map((verb) => `${verb} ${path}`),
  )
  expect(missing).toEqual([])
})

test('every operation has a summary, an id of its own, a tag and an answer; every reference leads somewhere', () => {
  const ids = new Set<string>()
  for (const [path, verbs] of Object.entries<Record<string, any>>(description.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const { summary, operationId, tags, responses } = operation
      expect([verb, path, summary?.length > 5, tags?.length, Object.keys(responses).length > 0]).toEqual([
        verb,
        path,
        true,
        1,
        true,
      ])
      expect([operationId, ids.has(operationId)]).toEqual([operationId, false])
      ids.add(operationId)
    }
  }
  const text = JSON.stringify(description)
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect([name, description.components.schemas[name] !== undefined]).toEqual([name, true])
  }
})

test('it is served to the machine itself without a key, and every described GET answers', async () => {
  expect((await fetch(`${server.url}/api/v1/openapi.json`)).status).toBe(200)
  expect(
    (await fetch(`${server.url}/api/v1/openapi.json`, { headers: { 'x-forwarded-for': '192.0.2.7' } })).status,
  ).toBe(401)
  const api = createApi(server.url)
  await api.post('/api/v1/devices', { id: 'd' })
  for (const [path, verbs] of Object.entries<Record<string, any>>(description.paths)) {
    if (!verbs['get'] || path.includes('{')) continue
    expect([path, (await api.get(path)).status]).toEqual([path, 200])
  }
})
