import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readSettings } from '../../src/settings/settings.ts'
import { answers, makeSecrets, readText, root } from './deploy-files.ts'

const compose: any = parse(readText('docker-compose.yml'), { merge: true })
const services = Object.entries<any>(compose.services)
const secretName = /PASS|KEY|TOKEN|SECRET|AUTH/

/** What Compose puts in place: `${A:?text}`, `${A-else}`, `${A:-else}`, one in another, and `$$`. */
const fill = (text: string, env: Record<string, string>): string => {
  const inner = /\$\{([A-Z_]+)(?:(:?[-?])((?:[^${}]|\$(?!\{))*))?\}/
  for (let found = inner.exec(text); found; found = inner.exec(text)) {
    const [whole, name = '', how = '', otherwise = ''] = found
    const value = env[name]
    const isMissing = how.startsWith(':') ? !value : value === undefined
    if (isMissing && how.endsWith('?')) throw new Error(`${name}: ${otherwise}`)
    text = text.replace(whole, () => (isMissing ? otherwise : (value ?? '')))
  }
  return text.replaceAll('$$', '$')
}

describe('docker-compose.yml, as far as it can be read without an engine', () => {
  test('has the servers and profiles that the documentation names', () => {
    const profileOf = Object.fromEntries(services.map(([name, { profiles = [] }]) => [name, profiles.join()]))
    expect(profileOf).toEqual({
      patchbay: '',
      mongo: '',
      redis: '',
      ...Object.fromEntries(
        ['mosquitto', 'rabbitmq', 'influxdb', 'timescaledb', 'questdb', 'kafka', 'grafana'].map((name) => [name, name]),
      ),
    })
  })

  test.each(services)('%s: nobody’s root, read-only, bounded, watched', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
      user: expect.stringMatching(/^[1-9]\d*:\d+$/),
      image: expect.stringMatching(/^[a-z/-]+:\d|^\$\{IMAGE:-patchbay:\d/),
      healthcheck: { test: expect.any(Array), interval: expect.any(String), retries: expect.any(Number) },
      deploy: {
        resources: { limits: { cpus: expect.any(String), memory: expect.any(String), pids: expect.any(Number) } },
      },
    })
    // A colon in it, unquoted, would make it a map.
    for (const words of [service.healthcheck.test, service.command ?? []])
      for (const word of words) expect(word).toBeTypeOf('string')
    expect(service.privileged ?? service.network_mode ?? service.pid ?? service.cap_add).toBeUndefined()
    for (const network of service.networks) expect(compose.networks).toHaveProperty(network)
    for (const volume of service.volumes) {
      expect(volume).toMatch(/^[a-z-]+:\//)
      expect(compose.volumes).toHaveProperty(volume.split(':')[0])
    }
    for (const { source } of service.configs ?? []) expect(compose.configs).toHaveProperty(source)
    for (const port of service.ports ?? []) expect(port).toMatch(/^\$\{BIND:-127\.0\.0\.1\}:/)
  })

  test('has no password of its own, and does not start without those of the environment', () => {
    const secrets = makeSecrets()
    expect(new Set(Object.values(secrets)).size).toBe(7)
    const required = new Set<string>()
    for (const [name, { environment = {} }] of services)
      for (const [variable, value] of Object.entries<string>(environment)) {
        if (!secretName.test(variable) || variable.endsWith('_NAME')) continue
        const [, secret] = /^\$\{([A-Z_]+):\?/.exec(value) ?? []
        expect(`${name} ${variable} ${secret}`).toMatch(/ [A-Z_]+ [A-Z_]+$/)
        expect(secrets).toHaveProperty(secret ?? '')
        required.add(secret ?? '')
      }
    expect([...required].toSorted()).toEqual(Object.keys(secrets).toSorted())
    const text = readText('docker-compose.yml')
    for (const name of required) {
      const { [name]: _, ...rest } = secrets
      expect(() => fill(text, rest), name).toThrow(`${name}: make it with deploy/make-env.sh`)
    }
  })

  test('gives Patchbay settings that it takes, on MongoDB and Redis or on its own volume', () => {
    const { environment } = compose.services.patchbay
    const settingsWith = (more: Record<string, string>) =>
      readSettings(
        Object.fromEntries(
          Object.entries<string>(environment).map(([name, value]) => [
            name,
            fill(value, { ...makeSecrets(), ...more }),
          ]),
        ),
      )
    const settings = settingsWith({})
    expect(settings).toMatchObject({ host: '0.0.0.0', plain: 'private', data: '/data' })
    expect(settings.mongodbUrl).toMatch(/^mongodb:\/\/patchbay:[0-9a-f]{64}@mongo:27017\/patchbay$/)
    expect(settings.redisUrl).toMatch(/^redis:\/\/:[0-9a-f]{64}@redis:6379\/0$/)
    const alone = settingsWith({ MONGODB_URL: '', REDIS_URL: '' })
    expect([alone.mongodbUrl, alone.redisUrl]).toEqual([undefined, undefined])
    const published = compose.services.patchbay.ports.map((port: string) => Number(/:(\d+)(\/udp)?$/.exec(port)?.[1]))
    expect(new Set(published)).toEqual(
      new Set([
        settings.port,
        settings.mqttPort,
        settings.mqttsPort,
        settings.amqpPort,
        settings.coapPort,
        settings.coapsPort,
      ]),
    )
  })

  const hasCompose = answers('docker', 'compose', 'version')
  test.skipIf(!hasCompose)('is a project to Compose itself, with all profiles (needs docker compose)', () => {
    const run = (env: Record<string, string>) =>
      spawnSync('docker', ['compose', '--profile', '*', 'config', '--quiet'], {
        cwd: root,
        env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env },
        encoding: 'utf8',
        timeout: 20_000,
      })
    expect(run(makeSecrets())).toMatchObject({ status: 0 })
    expect(run({}).status).not.toBe(0)
  })
})

describe('the Dockerfile, as far as it can be read without an engine', () => {
  const text = readText('deploy/Dockerfile').replaceAll('\\\n', ' ')
  const stages = text.split(/^FROM /m)
  const last = stages.at(-1) ?? ''

  test('ends as nobody’s root, with the flags of npm start, on the Node that is tested', () => {
    expect(/^USER (\S+)$/m.exec(last)?.[1]).toBe('1000:1000')
    const start: string = JSON.parse(readText('package.json')).scripts.start
    const [, variable = '', flags = ''] = /^(\S+) exec node (.*)$/.exec(start) ?? []
    expect(JSON.parse(/^CMD (.*)$/m.exec(last)?.[1] ?? '')).toEqual(['node', ...flags.split(' ')])
    expect(last).toContain(variable)
    const tested = /^nodeVersion: (\d+)\./m.exec(readText('pnpm-workspace.yaml'))?.[1]
    expect(text).toContain(`ARG NODE_IMAGE=node:${tested}-`)
    expect(last).not.toMatch(/PASSWORD|API_KEY|MASTER_KEY/)
  })

  test('copies what there is, and its context leaves out what is no part of it', () => {
    for (const [, sources = ''] of last.matchAll(/^COPY --from=build (.*) \S+$/gm))
      for (const source of sources.split(' '))
        if (!/node_modules|dist/.test(source)) expect(existsSync(join(root, source.replace('/app/', '')))).toBe(true)
    const ignored = readText('deploy/Dockerfile.dockerignore').split('\n')
    expect(ignored[0]).toBe('**')
    for (const line of ignored.filter((each) => each.startsWith('!')))
      expect(existsSync(join(root, line.slice(1)))).toBe(true)
  })
})
