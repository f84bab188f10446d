import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Alert } from '@patchbay/contracts/alert'
import { createHttpRemote, createSmtpRemote } from '@patchbay/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createApi } from '../harness/api.ts'
import { startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

interface Expected {
  rule: string
  severity: string
  raisedAt: string
  state: string
}
const fixture = new URL('../fixtures/replayed-alerts.json', import.meta.url)
const { alerts: expected }: { alerts: Expected[] } = JSON.parse(readFileSync(fixture, 'utf8'))
const simulate = fileURLToPath(new URL('../../../../bench/simulate/main.ts', import.meta.url))

const rules = [
  {
    name: 'Machine stands still',
    levels: [{ severity: 'critical', when: 'temperature < 30.0', for: '15m' }],
    clear: { all: [{ key: 'temperature', op: '>', value: 60 }] },
  },
  {
    name: 'Machine is hot',
    levels: [{ severity: 'major', when: { all: [{ key: 'temperature', op: '>', value: 105 }] }, for: '10m' }],
    clear: 'temperature < 100.0',
  },
]
const line = '{{ kind }} {{ rule.name }} {{ alert.severity }} since {{ alert.raisedAt }}'
const byText = (a: string, b: string) => a.localeCompare(b)
const second = (time: string) => `${time.slice(0, 19)}Z`
/** The time as templates have it. */
const lines = ({ rule, severity, raisedAt }: Expected, timeOf: (time: string) => string) =>
  ['raised', 'resolved'].map((kind) => `${kind} ${rule} ${severity} since ${timeOf(raisedAt)}`)

test(
  'a recorded machine is replayed: the alerts are those of the list, and each reaches mail and webhook as its template says',
  { timeout: 90_000 },
  async () => {
    const [mails, hooks] = await Promise.all([createSmtpRemote(), createHttpRemote()])
    const server = await startInProcess({ env: { PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' } })
    onTestFinished(async () => {
      await server.close()
      await Promise.all([mails.close(), hooks.close()])
    })
    const api = createApi(server.url)
    const smtp = { host: '127.0.0.1', port: mails.port, security: 'none', from: 'a@example.org', to: ['b@example.org'] }
    const channels = [
      { name: 'mail', plugin: 'alert-email', config: { ...smtp, subject: line, text: 'See {{ device.id }}.' } },
      { name: 'hook', plugin: 'alert-webhook', config: { url: hooks.url, body: `{"text":"${line}"}` } },
    ]
    for (const channel of channels) expect((await api.post('/api/v1/channels', channel)).status).toBe(201)
    for (const rule of rules) {
      const body = { ...rule, scope: { types: ['sim-machine'] }, channels: ['mail', 'hook'] }
      expect((await api.post('/api/v1/rules', body)).status).toBe(201)
    }
    const options = ['--dataset', 'nab', '--devices', '1', '--time', 'recorded', '--protocol', 'mqtt', '--keep']
    const pace = ['--rate', '3000', '--duration', '60s', '--url', server.url]
    const env = { ...process.env, PATCHBAY_API_KEY: testKey }
    await promisify(execFile)(process.execPath, [simulate, ...options, ...pace], { env })

    await vi.waitFor(
      async () => {
        const { body } = await api.get('/api/v1/alerts?limit=50')
        const raised = body.items
          .filter(({ rule }: Alert) => !rule.startsWith('system:'))
          .map(({ ruleName, severity, raisedAt, state }: Alert) => {
            return { rule: ruleName, severity, raisedAt: second(raisedAt), state }
          })
          .toSorted((a: Expected, b: Expected) => a.raisedAt.localeCompare(b.raisedAt))
        expect(raised).toEqual(expected)
      },
      { timeout: 15_000, interval: 200 },
    )
    const wanted = expected.flatMap((alert) => lines(alert, (time) => time.replace('Z', '.000Z'))).toSorted(byText)
    await vi.waitFor(
      () => {
        expect(hooks.received.map(({ body }) => JSON.parse(body).text).toSorted(byText)).toEqual(wanted)
        const subjects = mails.mails.map(({ source }) => /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(source)?.[1] ?? '')
        expect(subjects.map((text) => text.replaceAll(/\r\n[ \t]/g, ' ')).toSorted(byText)).toEqual(wanted)
      },
      { timeout: 15_000, interval: 200 },
    )
    expect(
      mails.mails.every(({ source }) => /\r\n\r\nSee sim-[a-z0-9]+-machine-temperature-1\.\r\n/.test(source)),
    ).toBe(true)
  },
)
