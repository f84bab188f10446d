import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { collectConsoleCalls } from './console-calls.ts'

/** What only scripts call, and why nobody misses it in the console. */
const leftToScripts: Readonly<Record<string, string>> = {
  'GET /api-keys/{}': 'the list holds all that there is of a key',
  'GET /devices/{}/commands/{}': 'the list holds all that there is of a command, and follows it',
  'GET /maintenance/{}': 'the list holds all that there is of a window',
  'GET /provisioning-keys/{}': 'the list holds all that there is of a key',
  'GET /users/{}': 'the list holds all that there is of a person',
  'DELETE /devices/{}/certificates/{}': 'certificates are revoked by their fingerprints, whatever device they are of',
}

const readRoutes = (): string[] => {
  const page = readFileSync(new URL('../../../../docs/reference/api.md', import.meta.url), 'utf8')
  return [...page.matchAll(/^\| `\/api\/v1(\S+)` \| (.+) \|$/gm)].flatMap(([, path = '', verbs = '']) =>
    verbs.split(', ').map((verb) => `${verb} ${path.replaceAll(/\{\w+\}/g, '{}')}`),
  )
}

test('what the API has, the console can do', () => {
  const routes = readRoutes()
  expect(routes.length).toBeGreaterThan(100)
  const calls = collectConsoleCalls()
  const missing = routes.filter((route) => !calls.has(route) && leftToScripts[route] === undefined)
  expect(missing, 'build it, or say in leftToScripts why not').toEqual([])
  const stale = Object.keys(leftToScripts).filter((route) => calls.has(route) || !routes.includes(route))
  expect(stale, 'in leftToScripts for nothing').toEqual([])
})

test('calls are read as they are written', () => {
  const calls = collectConsoleCalls()
  for (const call of [
    'GET /devices',
    'POST /devices/{}/commands',
    'DELETE /devices/{}/sessions/{}',
    'POST /plugins/{}/instances/{}/restart',
    'POST /alerts/{}/silence',
    'GET /certificates/authority.pem',
  ])
    expect(calls, call).toContain(call)
  expect(calls).not.toContain('DELETE /audit')
})
