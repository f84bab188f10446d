import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile, readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { doctorCommand } from '../operate/doctor.ts'
import { makeAuthority, makeServerCertificate } from '../tls/certificate-maker.ts'
import { compareClocks } from './databases.ts'
import { diagnose } from './doctor.ts'
import type { Finding } from './finding.ts'
import { findWeak, mostBits } from './secrets.ts'

let home: string
const at = (name: string) => join(home, name)
const noPorts = Object.fromEntries(
  ['', 'MQTT_', 'MQTTS_', 'AMQP_', 'COAP_', 'COAPS_'].map((name) => [`PATCHBAY_${name}PORT`, '0']),
)
const goodKey = 'f3a91c07be5d48260d7fe1b9c4a5836219e0d7c2ab48f6537d0be81a29c46f50'
const textOf = (findings: readonly Finding[]) =>
  findings.map((each) => `${each.state} ${each.check}: ${each.text}`).join('\n')

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'patchbay-doctor-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

test('finds nothing to mend on a fresh machine, and leaves nothing behind', async () => {
  await mkdir(at('fresh'), { mode: 0o700 })
  const { ok, findings } = await diagnose({ ...noPorts, PATCHBAY_DATA: at('fresh'), PATCHBAY_API_KEY: goodKey })
  expect(textOf(findings.filter(({ state }) => state === 'fail'))).toBe('')
  expect(ok).toBe(true)
  expect(textOf(findings)).toMatch(/ok data folder: .* synced write takes \d+\.\d ms/)
  expect(textOf(findings)).toContain('ok secrets: PATCHBAY_API_KEY')
  expect(await readdir(at('fresh'))).toEqual([])
  expect((await diagnose({ ...noPorts, PATCHBAY_DATA: at('later') })).ok).toBe(true)
  expect(await readdir(home)).toEqual(['fresh'])
})

test('finds what is wrong, says what to do about each, and no secret', async () => {
  const authority = await makeAuthority(Date.now(), 100)
  const soon = await makeServerCertificate(authority, ['iot.example.org'], Date.now(), 10)
  const other = await makeServerCertificate(authority, ['other.example.org'], Date.now(), 10)
  await writeFile(at('cert.pem'), soon.cert)
  await writeFile(at('key.pem'), other.key)
  await writeFile(at('config.yaml'), 'devices: [{ id: a, name: "${NOT_THERE}" }]')
  await mkdir(at('bad'))
  await chmod(at('bad'), 0o755)
  await mkdir(join(at('bad'), '.restoring'))
  await writeFile(join(at('bad'), 'registry.sqlite'), 'this is no database at all, whatever its name says'.repeat(100))
  await utimes(join(at('bad'), 'registry.sqlite'), new Date(), new Date(Date.now() + 3_600_000))
  await writeFile(join(at('bad'), 'master.key'), 'x', { mode: 0o644 })
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  try {
    const { ok, findings } = await diagnose({
      ...noPorts,
      PATCHBAY_MQTT_PORT: String(port),
      PATCHBAY_DATA: at('bad'),
      PATCHBAY_API_KEY: 'change-me-change-me-change-me-change-me',
      PATCHBAY_ADMIN_USER: 'ada',
      PATCHBAY_ADMIN_PASSWORD: 'password123',
      PATCHBAY_TLS_CERT: at('cert.pem'),
      PATCHBAY_TLS_KEY: at('key.pem'),
      PATCHBAY_PUBLIC_URL: 'https://elsewhere.example.org',
      PATCHBAY_CONFIG: at('config.yaml'),
      PATCHBAY_GATEWAY: at('nowhere'),
      PATCHBAY_DURABILITY: 'relaxed',
      REDIS_URL: 'redis://:planted-redis@127.0.0.1:1',
    })
    const text = textOf(findings)
    expect(ok).toBe(false)
    for (const line of [
      /fail data folder: a restore into .*bad was not finished/,
      /warn data folder: .*bad is open to other users/,
      /fail database: .*registry\.sqlite cannot be read/,
      new RegExp(`warn port: PATCHBAY_MQTT_PORT ${port} is taken by another program`),
      /fail Redis: 127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/,
      /warn TLS certificate: .* in (9|10) days/,
      /fail TLS certificate: PATCHBAY_TLS_KEY is not the key/,
      /warn TLS certificate: it does not name elsewhere\.example\.org/,
      /warn secrets: PATCHBAY_API_KEY looks like one that can be guessed/,
      /warn secrets: PATCHBAY_ADMIN_PASSWORD is one of those that are tried first/,
      /warn secrets: .*master\.key can be read by other users/,
      /warn clock: registry\.sqlite was written 3\d{3} s in its future/,
      /fail configuration files: it names NOT_THERE/,
      /fail gateway files: .*nowhere cannot be read/,
      /warn exposure: PATCHBAY_DURABILITY is relaxed/,
    ])
      expect(text).toMatch(line)
    expect(JSON.stringify(findings)).not.toMatch(/planted|password123|change-me/)
    for (const { state, remedy } of findings) expect(remedy !== undefined).toBe(state === 'warn' || state === 'fail')
  } finally {
    taken.close()
  }
})

test('ends with 2 and the sentence of a start for a setting that is wrong, and answers JSON', async () => {
  const print = () => undefined
  const wrong = await doctorCommand.run(['--json'], { env: { PATCHBAY_PORT: 'x' }, print })
  expect(wrong?.code).toBe(2)
  expect(JSON.parse(wrong?.text ?? '')).toMatchObject({
    ok: false,
    findings: [{ check: 'settings', state: 'fail', text: expect.stringContaining('PATCHBAY_PORT') }],
  })
  const env = { ...noPorts, PATCHBAY_DATA: at('fresh') }
  const good = await doctorCommand.run([], { env, print })
  expect(good).toMatchObject({
    code: 0,
    text: expect.stringMatching(/\n0 to mend, \d+ to look at, \d+ as they should be$/),
  })
  expect(await doctorCommand.run(['--xml'], { env, print })).toBeUndefined()
})

test('takes what the console stored as a start does, and names the file when it is none of ours', async () => {
  await mkdir(at('stored'), { mode: 0o700 })
  const taken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const env = { ...noPorts, PATCHBAY_PORT: '', PATCHBAY_DATA: at('stored') }
  try {
    await writeFile(join(at('stored'), 'settings.json'), JSON.stringify({ PATCHBAY_PORT: String(port) }))
    expect(textOf((await diagnose(env)).findings)).toContain(`fail port: PATCHBAY_PORT ${port} is taken`)
    // The environment beats it.
    expect((await diagnose({ ...env, PATCHBAY_PORT: '0' })).ok).toBe(true)
  } finally {
    taken.close()
  }
  await writeFile(join(at('stored'), 'settings.json'), '[]')
  const { badSettings, findings } = await diagnose(env)
  expect(badSettings).toBe(true)
  expect(textOf(findings)).toMatch(/^fail settings: .*settings\.json does not hold what the console stores/)
})

test('tells random secrets from typed and repeated ones, and clocks that are apart', () => {
  for (const random of [goodKey, 'q3vJ0sYH2n1ZcR8wPzL5tKxMfB7uEaDg']) expect(mostBits(random)).toBeGreaterThan(96)
  for (const typed of [
    'a'.repeat(64),
    'abcdefgh'.repeat(8),
    '0'.repeat(60) + '1234',
    '12345678901234567890123456789012',
  ])
    expect(mostBits(typed)).toBeLessThan(96)
  expect(compareClocks('x', 1000, 3000).state).toBe('ok')
  expect(compareClocks('x', 1000, 9000)).toMatchObject({ state: 'warn', text: expect.stringContaining('8 s apart') })
})

// The driver looks for a server for 4 s before it says that there is none.
test.runIf(process.env['PATCHBAY_TEST_LONG'] === '1')(
  'says of a MongoDB that it does not answer, without its password',
  async () => {
    const MONGODB_URL = 'mongodb://u:planted-mongo@127.0.0.1:1/patchbay'
    const { findings } = await diagnose({ ...noPorts, PATCHBAY_DATA: at('fresh'), MONGODB_URL })
    expect(textOf(findings)).toContain('fail MongoDB: mongodb://127.0.0.1:1/patchbay does not answer')
    expect(JSON.stringify(findings)).not.toContain('planted')
  },
)

test('warns of the key that the readme writes down', async () => {
  const readme = await readFile(new URL('../../../../README.md', import.meta.url), 'utf8')
  const key = /PATCHBAY_API_KEY=(\S+)/.exec(readme)?.[1] ?? ''
  expect(key.length).toBeGreaterThanOrEqual(32)
  expect(findWeak('PATCHBAY_API_KEY', key).state).toBe('warn')
  expect(findWeak('PATCHBAY_API_KEY', goodKey).state).toBe('ok')
})
