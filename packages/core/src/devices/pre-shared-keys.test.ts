import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import type { CredentialBody } from './credential-record.ts'
import { createLoginLimiter, maxRefusedPerDevice } from './login-limiter.ts'
import { createPreSharedKeys, type Sealing } from './pre-shared-keys.ts'

const reversed = (text: string) => text.split('').toReversed().join('')
const sealing: Sealing = {
  seal: reversed,
  open(sealed) {
    if (sealed.startsWith('foreign')) throw new TypeError('sealed with another key')
    return reversed(sealed)
  },
}

function start() {
  const registry = createMemoryRegistry()
  const clock = createFakeClock()
  const limiter = createLoginLimiter({ clock })
  const errors: unknown[] = []
  const keys = createPreSharedKeys({ registry, clock, limiter, sealing, failed: (error) => errors.push(error) })
  const put = (id: string, more: Partial<CredentialBody>) =>
    registry.put(
      'credentials',
      `a/${id}`,
      {
        device: 'a',
        kind: 'psk',
        hash: createHash('sha256').update(id).digest('hex'),
        sealed: sealing.seal(id),
        createdAt: new Date(0).toISOString(),
        ...more,
      },
      'new',
    )
  const read = async (device = 'a') => (await keys(device, '192.0.2.1')).map((key) => Buffer.from(key).toString())
  return { clock, limiter, errors, put, read }
}

it('answers the keys that are valid now and no others', async () => {
  const { clock, put, read, errors } = start()
  const inMs = (ms: number) => new Date(clock.nowMicros() / 1000 + ms).toISOString()
  await put('good', {})
  await put('overlapping', { expiresAt: inMs(60_000) })
  await put('over', { expiresAt: inMs(-1) })
  await put('revoked', { revoked: true })
  await put('other', { sealed: 'foreign' })
  expect((await read()).toSorted()).toEqual(['good', 'overlapping'])
  expect(errors).toHaveLength(1)
  expect(await read('b')).toEqual([])
})

it('asks the login limiter first', async () => {
  const { limiter, read } = start()
  for (let guess = 0; guess < maxRefusedPerDevice; guess++) limiter.refused('192.0.2.1', 'a')
  await expect(read()).rejects.toMatchObject({ code: 'LOGIN_RATE' })
})
