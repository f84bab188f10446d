import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSettings } from './settings.ts'
import { SettingsError } from './settings-error.ts'
import { settingsTable } from './settings-table.ts'

const sentence = (env: Record<string, string>): string => {
  try {
    readSettings(env)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    const { message, setting } = error
    expect(message.startsWith(`${setting} `)).toBe(true)
    expect(message.endsWith('.')).toBe(true)
    expect(message).not.toContain('\n')
    return message
  }
  throw new Error('was accepted')
}

describe('settings', () => {
  test('an empty environment gives the defaults of the contract', () => {
    expect(readSettings({ PATH: '/bin' })).toEqual({
      given: new Map(),
      host: '127.0.0.1',
      port: 8080,
      plain: 'loopback',
      data: resolve('./data'),
      trustedProxies: [],
      tlsNames: [],
      texts: new Map(),
      stored: {},
      openTopics: [],
      allowPrivateTargets: [],
      durability: 'full',
      roles: ['front', 'worker', 'api'],
      pluginPolicy: 'any',
      pluginPublishers: [],
      pluginLinks: [],
      mqttPort: 1883,
      mqttsPort: 8883,
      coapPort: 5683,
      coapsPort: 5684,
      amqpPort: 5672,
      grpcPort: 0,
    })
  })

  test('what the environment gives is told from the defaults', () => {
    const { given } = readSettings({ PATCHBAY_PORT: '9000', PATCHBAY_HOST: '' })
    expect([...given]).toEqual([['PATCHBAY_PORT', 9000]])
  })

  test('what the console stored holds below the environment, and is checked like it', () => {
    const stored = { PATCHBAY_HOST: '0.0.0.0', PATCHBAY_PORT: '9001' }
    const { host, port, given } = readSettings({ PATCHBAY_PORT: '9000', PATCHBAY_HOST: ' ' }, stored)
    expect([host, port, [...given.keys()]]).toEqual(['0.0.0.0', 9000, ['PATCHBAY_PORT']])
    expect(() => readSettings({ PATCHBAY_OPEN_TOPICS: '#' }, stored)).toThrow('PATCHBAY_OPEN_TOPICS opens topics')
    expect(() => readSettings({}, { PATCHBAY_PORT: '70000' })).toThrow('PATCHBAY_PORT is "70000"')
  })

  test('an empty variable is an absent one', () => {
    expect(readSettings({ PATCHBAY_PORT: '', PATCHBAY_API_KEY: ' ', MONGODB_URL: '' }).port).toBe(8080)
  })

  test('values are read', () => {
    const settings = readSettings({
      PATCHBAY_HOST: '::1',
      PATCHBAY_PORT: '0',
      PATCHBAY_PLAIN: 'private',
      PATCHBAY_API_KEY: 'k'.repeat(32),
      PATCHBAY_ADMIN_USER: 'ann',
      PATCHBAY_ADMIN_PASSWORD: 'correct horse',
      PATCHBAY_PUBLIC_URL: 'https://iot.example.org/',
      PATCHBAY_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.1',
      PATCHBAY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      PATCHBAY_OPEN_TOPICS: 'lab/#, a/+/b',
      PATCHBAY_ROLES: 'api,front,worker',
      PATCHBAY_TLS_CERT: '/c.pem',
      PATCHBAY_TLS_KEY: '/k.pem',
    })
    expect(settings).toMatchObject({
      host: '::1',
      port: 0,
      plain: 'private',
      publicUrl: 'https://iot.example.org',
      trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
      openTopics: ['lab/#', 'a/+/b'],
      roles: ['front', 'worker', 'api'],
      tlsCert: '/c.pem',
    })
    expect(settings.masterKey).toEqual(Buffer.alloc(32, 7))
  })

  test('what Kubernetes injects beside our names is let be', () => {
    const env = {
      PATCHBAY_SERVICE_HOST: '10.0.0.1',
      PATCHBAY_SERVICE_PORT_HTTP: '80',
      PATCHBAY_PORT_8080_TCP_ADDR: '10.0.0.1',
      PATCHBAY_TEST_LONG: '1',
    }
    expect(readSettings(env).port).toBe(8080)
    expect(sentence({ PATCHBAY_PORT: 'tcp://10.0.0.1:8080' })).toContain('enableServiceLinks')
  })

  test.each([
    [{ PATCHBAY_PROT: '1' }, 'PATCHBAY_PROT is not a setting'],
    [{ PATCHBAY_TEST_LONGER: '1' }, 'is not a setting'],
    [{ PATCHBAY_PORT: '70000' }, 'PATCHBAY_PORT is "70000", which is not a port; give a whole number from 0 to 65535.'],
    [{ PATCHBAY_PORT: '-1' }, 'not a port'],
    [{ PATCHBAY_PORT: '80 80' }, 'not a port'],
    [{ PATCHBAY_HOST: '[::1]' }, 'not an address'],
    [{ PATCHBAY_PLAIN: 'yes' }, 'give one of loopback, private, any'],
    [{ PATCHBAY_DURABILITY: 'none' }, 'give one of full, relaxed'],
    [{ PATCHBAY_API_KEY: 'short-secret' }, '12 characters'],
    [{ PATCHBAY_ADMIN_USER: 'ann' }, 'PATCHBAY_ADMIN_USER is set without PATCHBAY_ADMIN_PASSWORD'],
    [{ PATCHBAY_ADMIN_PASSWORD: 'correct horse' }, 'is set without PATCHBAY_ADMIN_USER'],
    [{ PATCHBAY_TLS_KEY: 'k.pem' }, 'is set without PATCHBAY_TLS_CERT'],
    [{ PATCHBAY_MASTER_KEY: 'AAAA' }, 'not 32 bytes'],
    [{ PATCHBAY_PUBLIC_URL: 'ftp://x' }, 'not an address'],
    [{ PATCHBAY_PUBLIC_URL: 'https://a:b@x' }, 'holds a user'],
    [{ PATCHBAY_TRUSTED_PROXIES: '10.0.0.0/33' }, '"10.0.0.0/33"'],
    [{ PATCHBAY_ALLOW_PRIVATE_TARGETS: 'example.org' }, 'not an address block'],
    [{ PATCHBAY_OPEN_TOPICS: 'a/#/b' }, 'not a topic filter'],
    [{ PATCHBAY_OPEN_TOPICS: 'a+' }, 'not a topic filter'],
    [{ PATCHBAY_OPEN_TOPICS: '#', PATCHBAY_HOST: '0.0.0.0' }, 'anonymous'],
    [{ PATCHBAY_ROLES: 'front' }, 'without MONGODB_URL'],
    [{ PATCHBAY_ROLES: 'fornt' }, 'no role'],
    [{ MONGODB_URL: 'http://u:p@h' }, 'not an address of a MongoDB'],
    [{ PATCHBAY_PLUGIN_POLICY: 'all' }, 'give one of bundled, verified, signed, any'],
    [{ PATCHBAY_PLUGIN_PUBLISHERS: 'acme=short' }, '"acme=short", which is not a publisher'],
    [{ PATCHBAY_PLUGIN_LINKS: 'a', PATCHBAY_HOST: '0.0.0.0' }, 'only a server for development'],
    [{ PATCHBAY_PLUGIN_LINKS: 'a', PATCHBAY_PLUGIN_POLICY: 'signed' }, 'only a server for development'],
    [{ REDIS_URL: 'http://u:p@h' }, 'not an address of a Redis'],
  ])('%j is refused in one sentence', (env, part) => {
    const message = sentence({ ...env })
    expect(message).toContain(part)
    expect(message).not.toContain('short-secret')
    expect(message).not.toContain('u:p@h')
  })

  test('the table has a row with a default and a meaning for every name', () => {
    const rows = settingsTable()
    expect(rows.find((row) => row.name === 'PATCHBAY_PORT')).toMatchObject({ default: '8080' })
    expect(rows.find((row) => row.name === 'PATCHBAY_MASTER_KEY')).toMatchObject({
      default: 'a file in the data folder',
    })
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length)
    for (const row of rows) expect([row.default, row.meaning].every((text) => text !== '')).toBe(true)
  })
})
