import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { settingsTable } from '../../src/settings/settings-table.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { answers, makeSecrets, readText, root } from './deploy-files.ts'

const chart = 'deploy/helm/patchbay'
const values: any = parse(readText(`${chart}/values.yaml`))
const schema: any = JSON.parse(readText(`${chart}/values.schema.json`))
const templates = readdirSync(join(root, chart, 'templates')).map((name) => readText(`${chart}/templates/${name}`))

describe('the Helm chart, as far as it can be read without helm', () => {
  test('has values that fit their schema, and no secret among them', () => {
    expect(Value.Check(schema, values)).toBe(true)
    expect(Value.Check(schema, { ...values, replicas: 3 })).toBe(true)
    expect(Value.Check(schema, { ...values, replicas: 17 })).toBe(false)
    expect(Value.Check(schema, { ...values, secret: { apiKey: 'short' } })).toBe(false)
    expect(Object.values(values.secret).join('')).toBe('')
    expect(parse(readText(`${chart}/Chart.yaml`))).toMatchObject({
      apiVersion: 'v2',
      appVersion: JSON.parse(readText('package.json')).version,
    })
  })

  test('uses values that there are, and settings that the platform has', () => {
    const known = new Set(settingsTable().map(({ name }) => name))
    for (const text of templates) {
      for (const [, path = ''] of text.matchAll(/\.Values\.([A-Za-z.]+)/g)) {
        let found: any = values
        for (const part of path.split('.')) found = found?.[part]
        expect(found, path).toBeDefined()
      }
      for (const [, name = ''] of text.matchAll(/\b(PATCHBAY_[A-Z_]+|MONGODB_URL|REDIS_URL)\b/g))
        if (name !== 'PATCHBAY_') expect(known).toContain(name)
    }
    for (const name of Object.keys(values.settings)) expect(known).toContain(name)
    expect(templates.join('')).toContain('enableServiceLinks: false')
  })
})

const program = process.env['HELM'] ?? 'helm'
const hasHelm = answers(program, 'version')

describe.skipIf(!hasHelm)('the Helm chart, rendered (needs helm)', () => {
  const { PATCHBAY_API_KEY: apiKey = '', PATCHBAY_MASTER_KEY: masterKey = '' } = makeSecrets()
  const helm = (verb: string, ...sets: string[]) =>
    spawnSync(
      program,
      [
        ...verb.split(' '),
        join(root, chart),
        '--kube-version',
        '1.31.0',
        ...sets.flatMap((each) => ['--set-string', each]),
      ],
      {
        encoding: 'utf8',
        timeout: 20_000,
      },
    )
  const enough = [
    'image.repository=registry.example.org/patchbay',
    `secret.apiKey=${apiKey}`,
    `secret.masterKey=${masterKey}`,
  ]
  const render = (...more: string[]) => {
    const done = helm('template site', ...enough, ...more)
    expect(done.stderr).toBe('')
    return Object.fromEntries(
      parseAllDocuments(done.stdout).map((document) => [document.toJS().kind, document.toJS()]),
    ) as Record<string, any>
  }

  test('passes lint; without secrets or an image nothing is rendered', () => {
    expect(helm('lint', ...enough)).toMatchObject({ status: 0 })
    for (const [at, said] of ['image.repository', 'secret.apiKey', 'secret.masterKey'].entries())
      expect(helm('template site', ...enough.filter((_, index) => index !== at)).stderr).toContain(`${said} is needed`)
  })

  test('gives settings that the platform takes, in a pod that is nobody’s root', () => {
    const found = render('config.a\\.yaml=types: []', 'secret.mongodbUrl=mongodb://m/patchbay')
    const pod = found['StatefulSet'].spec.template.spec
    const [container] = pod.containers
    const env = Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]))
    expect(readSettings({ ...env, ...found['Secret'].stringData })).toMatchObject({
      plain: 'private',
      data: '/data/patchbay',
      config: '/config',
      apiKey,
      mongodbUrl: 'mongodb://m/patchbay',
    })
    expect(found['ConfigMap'].data).toEqual({ 'a.yaml': 'types: []\n' })
    expect(pod).toMatchObject({
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000 },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    const named = new Set(container.ports.map(({ name }: any) => name))
    for (const { targetPort } of found['Service'].spec.ports) expect(named).toContain(targetPort)
    expect(found['Service'].spec.selector).toEqual(found['StatefulSet'].spec.selector.matchLabels)
  })

  test('takes a Secret that is there instead of making one', () => {
    const done = helm('template site', 'image.repository=r/p', 'existingSecret=mine')
    expect(done.stdout).not.toContain('kind: Secret')
    expect(done.stdout).toContain('secretRef: { name: mine }')
  })
})
