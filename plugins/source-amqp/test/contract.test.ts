import { sourceContract } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { openRabbitRemote, rabbitUrl } from './rabbit-remote.ts'

const skipped = rabbitUrl === undefined ? ', skipped, no RABBITMQ_URL' : ''

for (const protocol of ['0-9-1', '1.0'] as const)
  describe.skipIf(rabbitUrl === undefined)(`AMQP ${protocol}${skipped}`, () => {
    sourceContract({
      plugin,
      manifest: new URL('../plugin.json', import.meta.url),
      remote: () => openRabbitRemote({ protocol }),
      badConfigs: [
        { url: 'http://localhost' },
        { url: 'amqp://user:password@localhost' },
        { url: 'amqp://169.254.169.254' },
        { prefetch: 0 },
        { device: '{serial}' },
      ],
      wrong: [
        { config: { url: 'amqp://127.0.0.1:1' }, says: /ECONNREFUSED/ },
        { config: { password: 'not-the-password' }, says: /ACCESS_REFUSED|refused|auth|Failed/i },
        { config: { queue: 'no-such-queue' }, says: /NOT_FOUND|not-found|no queue/ },
      ],
      secrets: ['not-the-password'],
      creates: { createDevices: { type: 'meter', tags: '' } },
      maxInFlight: 1000,
      ordered: true,
      retakes: true,
      countsHeld: false,
      tellsLag: protocol === '0-9-1',
    })
  })
