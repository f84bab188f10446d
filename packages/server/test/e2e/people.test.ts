import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type Browser, createBrowser } from '../harness/browser.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const password = 'a long and good phrase'

let server: InProcess
/** The owner's key of the environment. */
let api: Api
let owner: Browser

const logIn = async (user: string): Promise<Browser> => {
  const browser = createBrowser(server.url)
  expect((await browser.post('/api/v1/session', { user, password })).status).toBe(200)
  return browser
}
const createUser = async (id: string, role: string): Promise<Browser> => {
  expect((await owner.post('/api/v1/users', { id, role, password })).status).toBe(201)
  return logIn(id)
}

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

test('the setup link makes the owner once, however many use it at the same time', async () => {
  const token = server.platform.setupToken ?? ''
  expect(token.length).toBeGreaterThan(20)
  const browser = createBrowser(server.url)
  expect((await browser.get('/api/v1/setup')).body).toEqual({ needed: true })
  expect((await browser.get('/setup')).status).toBe(200)
  expect((await browser.post('/api/v1/setup', { token: `${token}x`, user: 'ada', password })).status).toBe(403)
  expect((await browser.post('/api/v1/setup', { token, user: 'ada', password: 'password1' })).status).toBe(422)
  const race = await Promise.all(
    ['ada', 'eve'].map((user) => createBrowser(server.url).post('/api/v1/setup', { token, user, password })),
  )
  expect(new Set(race.map(({ status }) => status))).toEqual(new Set([201, 409]))
  const winner = race[0]?.status === 201 ? 'ada' : 'eve'
  expect((await browser.get('/api/v1/setup')).body).toEqual({ needed: false })
  expect((await browser.post('/api/v1/setup', { token, user: 'mallory', password })).status).toBe(409)
  owner = await logIn(winner)
  const { body } = await owner.get('/api/v1/session')
  expect(body).toMatchObject({ user: winner, role: 'owner' })
  expect(body.permissions).toContain('users.write')
  expect((await api.get('/api/v1/users')).body.items).toHaveLength(1)
})

test('a login sets the cookie that fits the connection, a logout ends it, and a wrong password is told apart from nothing', async () => {
  const plain = createBrowser(server.url)
  const user = (await owner.get('/api/v1/session')).body.user
  const wrong = await plain.post('/api/v1/session', { user, password: 'wrong phrase' })
  const unknown = await plain.post('/api/v1/session', { user: 'nobody', password: 'wrong phrase' })
  expect([wrong.status, wrong.body.code]).toEqual([401, 'LOGIN_WRONG'])
  expect(unknown.body.detail).toBe(wrong.body.detail)
  const loggedIn = await plain.post('/api/v1/session', { user, password })
  expect(loggedIn.setCookie).toMatch(/^patchbay=/)
  expect(loggedIn.setCookie).toMatch(/; HttpOnly/)
  expect(loggedIn.setCookie).toMatch(/; SameSite=Strict/)
  expect(loggedIn.setCookie).not.toMatch(/Secure/)
  const secure = createBrowser(server.url.replace('http:', 'https:'))
  const overTls = await secure.post('/api/v1/session', { user, password })
  expect(overTls.setCookie).toMatch(/^__Host-patchbay=.*; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
  expect((await secure.get('/api/v1/devices')).status).toBe(200)
  const old = plain.cookie() ?? ''
  expect((await plain.delete('/api/v1/session')).status).toBe(204)
  const again = await createBrowser(server.url).get('/api/v1/session', { cookie: old })
  expect([again.status, again.body.code]).toEqual([401, 'AUTH_ENDED'])
  expect((await secure.get('/api/v1/session')).status).toBe(200)
  // The session of a TLS connection is none on a plain one.
  const stolen = await createBrowser(server.url).get('/api/v1/session', { cookie: secure.cookie() ?? '' })
  expect(stolen.status).toBe(401)
  expect((await createBrowser(server.url).get('/api/v1/devices')).status).toBe(401)
})

test('another site cannot write with the cookie of a person', async () => {
  const write = (headers: Record<string, string>) => owner.post('/api/v1/devices', { id: 'forged' }, headers)
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    expect((await write(headers)).body.code).toBe('ORIGIN_FORBIDDEN')
  }
  const login = await owner.post('/api/v1/session', { user: 'x', password }, { origin: 'https://evil.example' })
  expect(login.status).toBe(403)
  expect((await api.get('/api/v1/devices/forged')).status).toBe(404)
})

test('a viewer reads and cannot write; the refusal names the permission; an operator can', async () => {
  const viewer = await createUser('vera', 'viewer')
  const operator = await createUser('olaf', 'operator')
  await api.post('/api/v1/devices', { id: 'boiler-1' })
  expect((await viewer.get('/api/v1/devices/boiler-1')).status).toBe(200)
  const writes: [string, () => Promise<{ status: number; body: any }>][] = [
    ['devices.write', () => viewer.post('/api/v1/devices', { id: 'x' })],
    ['devices.secrets', () => viewer.post('/api/v1/devices/boiler-1/credentials')],
    ['commands.write', () => viewer.post('/api/v1/devices/boiler-1/commands', { name: 'x' })],
    ['shadow.write', () => viewer.patch('/api/v1/devices/boiler-1/shadow', { desired: {} })],
    ['access.write', () => viewer.post('/api/v1/access/rules', { effect: 'allow', actions: ['publish'], filter: 'a' })],
    ['types.write', () => viewer.post('/api/v1/types', { id: 'x' })],
    ['messages.publish', () => viewer.post('/api/v1/messages', { topic: 'a', payload: 1 })],
    ['plugins.write', () => viewer.post('/api/v1/plugins/adapter-http/instances/default/disable')],
    ['users.write', () => viewer.post('/api/v1/users', { id: 'x', role: 'owner', password })],
    ['roles.write', () => viewer.post('/api/v1/roles', { id: 'x', permissions: [] })],
    ['keys.write', () => viewer.post('/api/v1/api-keys', { name: 'x' })],
  ]
  for (const [permission, write] of writes) {
    const { status, body } = await write()
    expect([permission, status, body.code]).toEqual([permission, 403, 'AUTH_FORBIDDEN'])
    expect(body.detail).toContain(permission)
  }
  expect((await operator.post('/api/v1/devices', { id: 'by-olaf' })).status).toBe(201)
  expect((await operator.post('/api/v1/devices/boiler-1/commands', { name: 'x' })).status).toBe(202)
  expect((await operator.post('/api/v1/users', { id: 'x', role: 'viewer', password })).status).toBe(403)
  // Everybody may change the own password; that ends the other sessions.
  const elsewhere = await logIn('vera')
  const change = { password: `${password}!`, currentPassword: password }
  expect((await viewer.patch('/api/v1/users/vera', change)).status).toBe(200)
  expect((await elsewhere.get('/api/v1/session')).status).toBe(401)
  expect((await viewer.patch('/api/v1/users/olaf', { password })).status).toBeGreaterThanOrEqual(401)
})

test('a role of one’s own holds at once when it changes, gives nobody more than the giver has, and stays while it is used', async () => {
  const role = { title: 'Gardener', permissions: ['devices.read', 'commands.write'] }
  expect((await owner.post('/api/v1/roles', { id: 'gardener', ...role })).status).toBe(201)
  const gus = await createUser('gus', 'gardener')
  expect((await gus.get('/api/v1/devices')).status).toBe(200)
  expect((await gus.post('/api/v1/devices', { id: 'x' })).status).toBe(403)
  await owner.put('/api/v1/roles/gardener', {
    ...role,
    permissions: [...role.permissions, 'devices.*', 'roles.write', 'roles.read'],
  })
  expect((await gus.post('/api/v1/devices', { id: 'rose-1' })).status).toBe(201)
  const more = await gus.post('/api/v1/roles', { id: 'king', permissions: ['*'] })
  expect([more.status, more.body.code]).toEqual([403, 'GRANT_FORBIDDEN'])
  expect((await owner.delete('/api/v1/roles/gardener')).body.code).toBe('ROLE_IN_USE')
  expect((await owner.put('/api/v1/roles/viewer', role)).body.code).toBe('ROLE_BUILT_IN')
  expect((await owner.post('/api/v1/roles', { id: 'odd', permissions: ['nothing.such'] })).status).toBe(422)
  await owner.delete('/api/v1/users/gus')
  expect((await gus.get('/api/v1/session')).status).toBe(401)
  expect((await owner.delete('/api/v1/roles/gardener')).status).toBe(204)
  const self = (await owner.get('/api/v1/session')).body.user
  expect((await owner.delete(`/api/v1/users/${self}`)).body.code).toBe('LAST_OWNER')
})

test('an API key is shown once, has the rights of its role, ends at its time and by deletion', async () => {
  const expiresAt = new Date(Date.now() + 700).toISOString()
  const created = await owner.post('/api/v1/api-keys', { name: 'script', role: 'viewer', expiresAt })
  expect(created.status).toBe(201)
  const { apiKey, key } = created.body
  const script = createApi(server.url, key)
  expect((await script.get('/api/v1/session')).body).toMatchObject({ apiKey: apiKey.id, role: 'viewer' })
  expect((await script.get('/api/v1/devices')).status).toBe(200)
  expect((await script.post('/api/v1/devices', { id: 'x' })).status).toBe(403)
  const listed = await owner.get('/api/v1/api-keys')
  expect(JSON.stringify(listed.body)).not.toContain(key)
  expect(key.startsWith(listed.body.items.find(({ id }: { id: string }) => id === apiKey.id).prefix)).toBe(true)
  await expect.poll(async () => (await script.get('/api/v1/session')).status, { timeout: 3000, interval: 50 }).toBe(401)
  const second = (await owner.post('/api/v1/api-keys', { name: 'second', role: 'operator' })).body
  expect((await owner.delete(`/api/v1/api-keys/${second.apiKey.id}`)).status).toBe(204)
  expect((await createApi(server.url, second.key).get('/api/v1/devices')).status).toBe(401)
  expect((await owner.get(`/api/v1/api-keys/${second.apiKey.id}`)).status).toBe(404)
})

test('every write is in the audit trail, done or refused, without secrets, and the chain holds', async () => {
  const viewer = await createUser('audited', 'viewer')
  const before = (await api.get('/api/v1/audit?limit=1')).body.items[0].id
  await owner.post('/api/v1/devices', { id: 'seen' })
  await owner.patch('/api/v1/devices/seen', { name: 'Seen' })
  await owner.post('/api/v1/devices/seen/credentials')
  await owner.post('/api/v1/devices/seen/commands', { name: 'x' })
  await owner.patch('/api/v1/devices/seen/shadow', { desired: { a: 1 } })
  await owner.post('/api/v1/messages', { topic: 'devices/seen/x', payload: 'x' })
  await owner.put('/api/v1/plugins/adapter-http/instances/default', { config: { maxBodyKib: 128, maxWaitSeconds: 60 } })
  await owner.post('/api/v1/users', { id: 'later', role: 'viewer', password: 'a hidden phrase of mine' })
  await viewer.post('/api/v1/devices', { id: 'not-made' })
  await owner.delete('/api/v1/devices/seen')
  const read = async () => {
    const { items } = (await api.get('/api/v1/audit?limit=200')).body
    return items
      .slice(
        0,
        items.findIndex(({ id }: { id: string }) => id === before),
      )
      .toReversed()
  }
  await expect.poll(async () => (await read()).length, { timeout: 3000 }).toBe(10)
  const entries = await read()
  const user = `user:${(await owner.get('/api/v1/session')).body.user}`
  expect(entries.map(({ actor }: { actor: string }) => actor)).toEqual([
    ...Array.from({ length: 8 }, () => user),
    'user:audited',
    user,
  ])
  expect(entries.map(({ outcome }: { outcome: string }) => outcome).indexOf('refused')).toBe(8)
  expect(
    entries.map(({ target }: { target?: string }) => target).filter((target?: string) => target === 'seen'),
  ).toHaveLength(6)
  expect(JSON.stringify(entries)).not.toContain('a hidden phrase of mine')
  expect((await api.get('/api/v1/audit/verify')).body).toMatchObject({ intact: true })
  expect((await viewer.get('/api/v1/audit')).status).toBe(200)
})

test('guessing a password is slowed down', async () => {
  let status = 0
  for (let n = 0; n < 40 && status !== 429; n++) {
    status = (await createBrowser(server.url).post('/api/v1/session', { user: 'olaf', password: `guess ${n}` })).status
  }
  expect(status).toBe(429)
})
