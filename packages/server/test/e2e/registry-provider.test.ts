import { isRefused } from '@patchbay/core/refused'
import { definePlugin, field } from '@patchbay/sdk'
import { accessProviderContract } from '@patchbay/testkit'
import { afterAll, beforeAll } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
const who = { username: 'own-1', password: 'wrong', protocol: 'test', address: '127.0.0.1' }
const good = { ...who, password: '' }
const question = { device: 'own-1', action: 'publish', topic: 'devices/own-1/telemetry' } as const

beforeAll(async () => {
  server = await startInProcess()
  good.password = (await createDevice(createApi(server.url), 'own-1')).secret
})
afterAll(() => server.close())

/** The registry's own credentials and rights in the form of a plugin: they must keep what plugins must. */
const registry = definePlugin({
  config: { strict: field.toggle() },
  setup(ctx) {
    const { authenticator, authoriser } = server.platform.domain
    ctx.accessProvider('registry', {
      async connect({ username, password, protocol, address }) {
        const credentials = { kind: 'password', username, password } as const
        try {
          await authenticator.authenticate({ protocol, address, encrypted: true, credentials })
          return 'allow'
        } catch (error) {
          if (!isRefused(error)) throw error
          return error.code === 'DEVICE_UNKNOWN' ? undefined : 'deny'
        }
      },
      async decide({ device, action, topic }) {
        const subject = await authenticator.subjectOf(device)
        if (!subject) return undefined
        return (await authoriser.decideWithProviders(subject, action, topic)).allowed ? 'allow' : 'deny'
      },
    })
  },
})

accessProviderContract({
  plugin: registry,
  options: {
    manifest: {
      contributes: { accessProviders: [{ name: 'registry', title: 'Registry', decides: ['connect', 'publish'] }] },
    },
  },
  provider: 'registry',
  badConfig: { strict: 'perhaps' },
  connect: [
    { who: good, answer: 'allow' },
    { who, answer: 'deny' },
    { who: { ...who, username: 'nobody' }, answer: undefined },
  ],
  decide: [
    { question, answer: 'allow' },
    { question: { ...question, topic: 'devices/other/telemetry' }, answer: 'deny' },
    { question: { ...question, device: 'nobody' }, answer: undefined },
  ],
})
