// oxlint-disable vitest/no-conditional-expect, vitest/expect-expect, typescript/no-unsafe-type-assertion -- properties look at what came of their inputs
import type { Command } from '@patchbay/contracts/command'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createCommands } from './commands.ts'
import type { CommandOutlet } from './delivery.ts'
import { commandLimits } from './limits.ts'

type Registry = ReturnType<typeof createMemoryRegistry>

interface Given {
  id: string
  accept: () => void
  reject: () => void
}

function outletOf(session: string): CommandOutlet & { given: Given[] } {
  const given: Given[] = []
  return {
    session: { name: session },
    given,
    accepts: () => true,
    deliver: ({ topic }) =>
      new Promise((accept, refuse) => {
        given.push({ id: topic.split('/')[3]!, accept, reject: () => refuse(new Error('not taken')) })
      }),
  }
}

function bench(registry: Registry = createMemoryRegistry(), clock = createFakeClock()) {
  const outlets: CommandOutlet[] = []
  const moves: Command[] = []
  let random = 0
  const commands = createCommands({
    registry,
    clock,
    randomId: () => `r${random++}`,
    outlets: () => outlets,
    publishCopy: () => {},
    onChange: (command) => moves.push(command),
    onFault: () => {},
  })
  return { registry, clock, commands, outlets, moves }
}

const ends = ['succeeded', 'failed', 'expired', 'cancelled']
const later: Record<string, string[]> = {
  queued: ['sent', 'delivered', ...ends],
  sent: ['delivered', ...ends],
  delivered: ends,
  succeeded: [],
  failed: [],
  expired: [],
  cancelled: [],
}

/** Until every write that is under way has landed: the memory registry answers within a few microtasks. */
const turns = async () => {
  for (let i = 0; i < 40; i++) await Promise.resolve()
}
const never = () => new AbortController().signal

test('goes from queued to sent, delivered and succeeded, each durable', async () => {
  const { commands, outlets, registry, clock } = bench()
  const outlet = outletOf('s')
  outlets.push(outlet)
  const { id, state } = await commands.create('d', { name: 'open', params: { by: 5 } })
  expect(state).toBe('queued')
  await turns()
  expect(await commands.get('d', id)).toMatchObject({ state: 'sent', params: { by: 5 } })
  outlet.given[0]!.accept()
  await turns()
  expect((await commands.get('d', id)).state).toBe('delivered')
  await commands.reply('d', id, { ok: true, result: [1] })
  const fresh = bench(registry, clock)
  expect(await fresh.commands.get('d', id)).toMatchObject({ state: 'succeeded', result: [1] })
})

test('a reply counts once; the same again is accepted, another or a late one is not', async () => {
  const { commands, clock } = bench()
  const { id } = await commands.create('d', { name: 'open', timeoutSeconds: 5 })
  await commands.reply('d', id, { ok: false, error: 'stuck' })
  await commands.reply('d', id, { ok: false, error: 'stuck' })
  await expect(commands.reply('d', id, { ok: true })).rejects.toMatchObject({ code: 'COMMAND_UNKNOWN' })
  await expect(commands.reply('d', 'nothing', { ok: true })).rejects.toMatchObject({ code: 'COMMAND_UNKNOWN' })
  await expect(commands.reply('other', id, { ok: false, error: 'stuck' })).rejects.toMatchObject({
    code: 'COMMAND_UNKNOWN',
  })
  await expect(commands.reply('d', id, 'yes')).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' })
  const late = await commands.create('d', { name: 'open', timeoutSeconds: 5 })
  clock.pass(5000)
  await turns()
  expect((await commands.get('d', late.id)).state).toBe('expired')
  await expect(commands.reply('d', late.id, { ok: true })).rejects.toMatchObject({ code: 'COMMAND_UNKNOWN' })
})

test('open commands survive a restart, go out in order, and expire by their durable time', async () => {
  const first = bench()
  const made = []
  for (let i = 0; i < 3; i++)
    made.push((await first.commands.create('d', { name: `c${i}`, timeoutSeconds: 60 + i })).id)
  const { commands, clock } = bench(first.registry, first.clock)
  await commands.start()
  const outlet = outletOf('s')
  commands.deliverOpen('d', outlet)
  expect(outlet.given.map(({ id }) => id)).toEqual(made)
  outlet.given[0]!.reject()
  await turns()
  commands.deliverOpen('d', outlet)
  expect(outlet.given.map(({ id }) => id)).toEqual([...made, made[0]])
  clock.pass(61_000)
  await turns()
  expect((await commands.list('d', { limit: 10 })).items.map(({ state }) => state)).toEqual([
    'sent',
    'expired',
    'expired',
  ])
  expect(commands.open()).toBe(1)
})

test('a long poll gets what comes, and the next poll confirms it', async () => {
  const { commands } = bench()
  const poll = commands.take('d', { waitMs: 30_000, signal: never() })
  await turns()
  const { id } = await commands.create('d', { name: 'open' })
  expect(await poll).toEqual([{ id, name: 'open', params: undefined }])
  expect((await commands.get('d', id)).state).toBe('sent')
  expect(await commands.take('d', { waitMs: 0, signal: never() })).toEqual([])
  expect((await commands.get('d', id)).state).toBe('delivered')
})

test('what a poll took is given again when its answer was not written', async () => {
  const { commands, clock } = bench()
  const cut = new AbortController()
  const { id } = await commands.create('d', { name: 'open' })
  expect(await commands.take('d', { waitMs: 0, signal: cut.signal })).toHaveLength(1)
  cut.abort()
  expect(await commands.take('d', { waitMs: 0, signal: never() })).toMatchObject([{ id }])
  const gone = new AbortController()
  const waiting = commands.take('e', { waitMs: 1000, signal: gone.signal })
  await turns()
  gone.abort()
  expect(await waiting).toEqual([])
  const idle = commands.take('e', { waitMs: 1000, signal: never() })
  await turns()
  clock.pass(1000)
  expect(await idle).toEqual([])
})

test('cancels what has not ended, and nothing else', async () => {
  const { commands } = bench()
  const { id } = await commands.create('d', { name: 'open' })
  expect((await commands.cancel('d', id)).state).toBe('cancelled')
  await expect(commands.cancel('d', id)).rejects.toMatchObject({ code: 'STATE_CONFLICT' })
  await expect(commands.cancel('d', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('holds the limits of count and size', async () => {
  const { commands } = bench()
  await expect(commands.create('d', { name: 'x', params: 'y'.repeat(70_000) })).rejects.toMatchObject({
    code: 'FIELD_INVALID',
  })
  const all = Array.from({ length: commandLimits.openPerDevice + 1 }, () => commands.create('d', { name: 'x' }))
  const outcomes = await Promise.allSettled(all)
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(commands.open()).toBe(commandLimits.openPerDevice)
})

test('pages its history newest first and keeps devices apart', async () => {
  const { commands } = bench()
  const ids = []
  for (let i = 0; i < 5; i++) ids.unshift((await commands.create('d', { name: 'x' })).id)
  await commands.create('d:1', { name: 'x' })
  const first = await commands.list('d', { limit: 3 })
  const second = await commands.list('d', { limit: 3, cursor: first.nextCursor! })
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids)
  await commands.forget('d')
  expect((await commands.list('d', { limit: 3 })).items).toEqual([])
  expect((await commands.list('d:1', { limit: 3 })).items).toHaveLength(1)
})

test('states never go back and nothing open is lost, whatever happens in which order', async () => {
  const plain = fc.constantFrom(
    'create',
    'create',
    'subscribe',
    'subscribe',
    'restart',
    'poll',
    'poll',
    'fail',
    'heal',
    'heal',
  )
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: plain }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('accept', 'reject', 'reply', 'cancel'), n: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pass'), n: fc.nat(40_000) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array<{ do: string; n?: number }>(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const registry = createMemoryRegistry()
      const clock = createFakeClock()
      let now = bench(registry, clock)
      const history = new Map<string, Command['state'][]>()
      const given: Given[] = []
      const made: string[] = []
      let session = 0
      const look = async () => {
        await turns()
        for (const id of made) {
          const found = await registry.get('commands', `d/${id}`)
          const states = history.get(id) ?? []
          const state = found!.body['state'] as Command['state']
          const last = states.at(-1)
          if (last !== undefined && last !== state) expect(later[last]).toContain(state)
          states.push(state)
          history.set(id, states)
        }
      }
      const quietly = (work: Promise<unknown>) => work.catch(() => {})
      for (const each of steps) {
        const n = each.n ?? 0
        if (each.do === 'create') {
          const created = await now.commands.create('d', { name: 'x', timeoutSeconds: 60 }).catch(() => undefined)
          if (created) made.push(created.id)
        } else if (each.do === 'subscribe') {
          const outlet = outletOf(`s${session++}`)
          now.outlets.splice(0, 1, outlet)
          now.commands.deliverOpen('d', outlet)
          given.push(...outlet.given)
          if (!registry.failing) expect(outlet.given).toHaveLength(now.commands.open())
        } else if (each.do === 'restart') {
          registry.failing = undefined
          await turns()
          now.commands.close()
          now = bench(registry, clock)
          await now.commands.start()
          const open =
            made.length === 0 ? [] : (await registry.list('commands', { where: { open: true }, limit: 500 })).items
          expect(now.commands.open()).toBe(open.length)
        } else if (each.do === 'poll') await quietly(now.commands.take('d', { waitMs: 0, signal: never() }))
        else if (each.do === 'accept') given[n % (given.length || 1)]?.accept()
        else if (each.do === 'reject') given[n % (given.length || 1)]?.reject()
        else if (each.do === 'reply')
          await quietly(now.commands.reply('d', made[n % (made.length || 1)] ?? 'x', { ok: n % 2 === 0 }))
        else if (each.do === 'cancel') await quietly(now.commands.cancel('d', made[n % (made.length || 1)] ?? 'x'))
        else if (each.do === 'pass') clock.pass(n)
        else if (each.do === 'fail') registry.failing = (call) => call === 'put'
        else if (each.do === 'heal') registry.failing = undefined
        const failing = registry.failing
        registry.failing = failing && ((call) => call === 'put')
        await look()
      }
      registry.failing = undefined
      // In the end every command has ended: by its device, an admin or its time.
      for (let i = 0; i < 3; i++) {
        clock.pass(61_000)
        await look()
      }
      for (const id of made) expect(ends).toContain(history.get(id)?.at(-1))
      expect(now.commands.open()).toBe(0)
    }),
    { numRuns: 80 },
  )
})
