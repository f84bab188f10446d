import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { admin, type Heard, startProvisioning } from '../../test/provisioning-bench.ts'
import { digestOf, type CredentialBody } from '../devices/credential-record.ts'
import type { DeviceBody } from '../devices/device-record.ts'
import type { KeyBody } from './key-record.ts'

type Bench = Awaited<ReturnType<typeof startProvisioning>>
type Ask = { key: number; device: number; claim: number }
type Step =
  | ({ kind: 'ask' } & Ask)
  /** All at once; with `dies`, the process is killed at that call of the store. */
  | { kind: 'storm'; asks: Ask[]; dies: number | undefined }
  | { kind: 'use'; device: number }
  | { kind: 'switch'; key: number; enabled: boolean }
  | { kind: 'quota'; key: number; quota: number }
  | { kind: 'pass'; seconds: number }
  | { kind: 'reopen' }

const claims = [undefined, 'claim-a-0123456789', 'claim-b-0123456789']
const named = ['reg-0', 'reg-1', 'new-0', 'new-1', 'new-2', undefined]
const setups = [
  { quota: 2 },
  { quota: 3, reprovision: true, seconds: 40 },
  { strategy: 'pre-registered', type: 'pump', quota: 2 },
] as const
const keyCount = setups.length

const ask = fc.record({
  key: fc.nat(keyCount - 1),
  device: fc.nat(named.length - 1),
  claim: fc.nat(claims.length - 1),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: ask.map((asked) => ({ kind: 'ask' as const, ...asked })) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('storm' as const),
      asks: fc.array(ask, { minLength: 1, maxLength: 6 }),
      dies: fc.option(fc.nat(40), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('use' as const), device: fc.nat(named.length - 2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('switch' as const), key: fc.nat(keyCount - 1), enabled: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('quota' as const),
      key: fc.nat(keyCount - 1),
      quota: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

/** Runs the steps against provisioning and against what the guide promises. */
async function live(steps: readonly Step[]): Promise<{ answered: number; kills: number }> {
  let bench: Bench = await startProvisioning()
  const keys: string[] = []
  for (const { seconds, ...setup } of setups.map((each) => ({ seconds: undefined, ...each }))) {
    const expiresAt =
      seconds === undefined
        ? {}
        : { expiresAt: new Date(bench.clock.nowMicros() / 1000 + seconds * 1000).toISOString() }
    keys.push((await bench.make({ ...setup, ...expiresAt })).provisioningKey.id)
  }
  for (const id of ['reg-0', 'reg-1']) await bench.devices.create({ id, type: 'pump' })
  /** Who a device is, by the first answer: the key and the claim, and every secret it was answered. */
  const owners = new Map<string, { key: string; claim: string | undefined }>()
  const counts = { answered: 0, kills: 0 }
  let address = 0

  const requestOf = ({ device, claim }: Ask) => {
    const [deviceId, given] = [named[device], claims[claim]]
    return { ...(deviceId === undefined ? {} : { deviceId }), ...(given === undefined ? {} : { claim: given }) }
  }
  const keyOf = (at: number) => keys[at] ?? ''
  const reopen = async () => {
    bench.close()
    bench.registry.failing = undefined
    bench = await startProvisioning({ registry: bench.registry, clock: bench.clock, seen: bench.seen })
  }
  const bodyOf = async (key: string) => (await bench.registry.get<KeyBody>('provisioning_keys', key))?.body

  /** What one request must come to, from what is stored. */
  async function expected({ key, device, claim }: Ask): Promise<string> {
    const body = await bodyOf(keyOf(key))
    if (!body) return 'CREDENTIALS_ENDED'
    const over = body.expiresAt !== undefined && Date.parse(body.expiresAt) * 1000 <= bench.clock.nowMicros()
    if (!body.enabled || over) return 'CREDENTIALS_ENDED'
    const id = named[device]
    if (id === undefined)
      return body.strategy === 'create' ? (claim === 0 ? 'PROVISION_UNNAMED' : 'claimed') : 'PROVISION_UNNAMED'
    const record = (await bench.registry.get<DeviceBody>('devices', id))?.body
    const owner = owners.get(id)
    if (record?.provisionedBy === keyOf(key)) {
      if (!owner) return 'any'
      if (claim === 0 || owner.claim !== claims[claim]) return 'PROVISION_TAKEN'
      return bench.seen.has(id) && !body.reprovision ? 'PROVISION_DONE' : 'again'
    }
    if (body.strategy === 'create' && record) return 'PROVISION_TAKEN'
    if (body.strategy === 'pre-registered') {
      if (record?.type !== 'pump') return 'PROVISION_NOT_REGISTERED'
      if (record.provisionedBy !== undefined || bench.seen.has(id)) return 'PROVISION_TAKEN'
    }
    return body.used < (body.quota ?? Infinity) ? 'made' : 'PROVISION_QUOTA'
  }

  /** What was answered must be stored, and be the asker's. */
  async function take({ key, claim }: Ask, heard: Heard): Promise<void> {
    const id = heard.device?.id
    if (id === undefined) return
    counts.answered++
    const owner = owners.get(id)
    if (owner) {
      expect(owner, `${id} was answered to somebody else`).toEqual({ key: keyOf(key), claim: claims[claim] })
      expect(claims[claim], 'only a claim lets a device ask again').toBeDefined()
    } else owners.set(id, { key: keyOf(key), claim: claims[claim] })
    const hash = digestOf(heard.credentials?.password ?? '').toString('hex')
    const { items } = await bench.registry.list<CredentialBody>('credentials', { prefix: `${id}/`, limit: 200 })
    expect(
      items.find(({ body }) => body.hash === hash),
      `the secret of ${id} is stored`,
    ).toBeDefined()
  }

  async function check(): Promise<void> {
    await bench.drain()
    for (const key of keys) {
      const body = await bodyOf(key)
      const { items } = await bench.registry.list<DeviceBody>('devices', { where: { provisionedBy: key }, limit: 200 })
      expect(body?.pending, 'nothing is left under way').toEqual([])
      expect(body?.used, 'what is counted is what is there').toBe(items.length)
    }
    for (const [id, { key }] of owners) {
      const stored = await bench.registry.get<DeviceBody>('devices', id)
      expect(stored?.body.provisionedBy, `${id} is stored`).toBe(key)
    }
  }

  for (const now of steps) {
    if (now.kind === 'ask') {
      const want = await expected(now)
      const heard = await bench.ask(keyOf(now.key), requestOf(now), `192.0.2.${address++ % 250}`)
      const got = heard.error?.code ?? (heard.again ? 'again' : 'made')
      if (want === 'claimed') expect(['made', 'again', 'PROVISION_QUOTA', 'PROVISION_DONE']).toContain(got)
      else if (want !== 'any') expect(got, JSON.stringify(now)).toBe(want)
      await take(now, heard)
    } else if (now.kind === 'storm') {
      let left = now.dies ?? Infinity
      bench.registry.failing = () => left-- <= 0
      const before = await Promise.all(
        now.asks.map((each) => bench.ask(keyOf(each.key), requestOf(each), `198.51.100.${address++ % 250}`)),
      )
      if (now.dies !== undefined) counts.kills++
      await bench.drain().catch(() => undefined)
      if (now.dies === undefined) bench.registry.failing = undefined
      else await reopen()
      for (const [at, heard] of before.entries()) await take(now.asks[at] as Ask, heard)
    } else if (now.kind === 'use') {
      const id = named[now.device]
      if (id !== undefined && owners.has(id)) bench.seen.add(id)
    } else if (now.kind === 'switch') await bench.keys.patch(admin, keyOf(now.key), { enabled: now.enabled })
    else if (now.kind === 'quota') await bench.keys.patch(admin, keyOf(now.key), { quota: now.quota })
    else if (now.kind === 'pass') bench.clock.pass(now.seconds * 1000)
    else await reopen()
    await check()
  }
  bench.close()
  return counts
}

test('whatever is asked, cut short and asked again: answered is stored, counts are exact, nobody gets another’s device', async () => {
  const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`provisioning life: seed ${seed}`)
  const total = { answered: 0, kills: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const { answered, kills } = await live(steps)
      total.answered += answered
      total.kills += kills
    }),
    { seed, numRuns: 300 },
  )
  console.log(`provisioning life: ${total.answered} answers, ${total.kills} kills, seed ${seed}`)
  expect(total.answered).toBeGreaterThan(500)
  expect(total.kills).toBeGreaterThan(100)
})
