import { EventEmitter } from 'node:events'
import type { Device } from '@patchbay/contracts/device'
import type { LiveFrame } from '@patchbay/contracts/live'
import { DomainError } from '@patchbay/core/errors'
import type { WatchedPoint } from '@patchbay/core/ingest/watches'
import { createFakeClock } from '@patchbay/core/test/fake-clock'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { applyFrame, emptySeen, type Seen } from '../../test/harness/live-viewer.ts'
import { createDelivery } from './delivery.ts'
import { createDeviceSource } from './device-source.ts'
import { createMessageSource } from './message-source.ts'
import { createViewer, type Viewer } from './viewer.ts'

const ids = ['a', 'b', 'c']
const turns = async () => {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A platform of three devices, and viewers whose network is under the test's thumb. */
const createWorld = () => {
  const clock = createFakeClock()
  const delivery = createDelivery({ clock, epoch: 'e' })
  const records = new Map<string, Device>()
  const stored = new Map<string, Record<string, { at: number; value: number }>>()
  const ears = new Map<string, (points: readonly WatchedPoint[]) => void>()
  const common = { clock, pulse: delivery.pulse, budget: { followed: 0 } }
  const devices = createDeviceSource({
    ...common,
    failed: (error) => {
      throw error
    },
    devices: {
      get: async (id) => {
        await Promise.resolve()
        const found = records.get(id)
        if (!found) throw new DomainError('NOT_FOUND', id)
        return found
      },
    },
    telemetry: { latest: async (id) => ({ ...stored.get(id) }) },
    hub: {
      watch(id, hear) {
        ears.set(id, hear)
        return () => ears.delete(id)
      },
    },
  })
  const messages = createMessageSource({ ...common, hub: { tap: () => () => {} } })
  const nobody = { acquire: async () => [], release() {}, close() {} }
  let version = 0
  const recordOf = (id: string): Device => ({
    id,
    name: `${id}${++version}`,
    type: 'default',
    tags: [],
    status: 'never',
    createdAt: '2025-10-09T08:53:20Z',
    version,
  })
  const bare = ({ id, name, type, tags, createdAt }: Device) => ({ id, name, type, tags, createdAt })

  const open = (seen: Seen) => {
    const socket = Object.assign(new EventEmitter(), {
      readyState: 1,
      OPEN: 1,
      bufferedAmount: 0,
      send(data: Buffer | string, ...more: unknown[]) {
        const frame: LiveFrame = JSON.parse(String(data))
        applyFrame(seen, frame)
        if ('cursor' in frame) view.cursor = frame.cursor
        view.frames.push(frame)
        const done = more.at(-1)
        if (typeof done === 'function') queueMicrotask(() => done())
      },
      close() {
        socket.readyState = 3
        socket.emit('close')
      },
      ping: () => void socket.emit('pong'),
      pong() {},
      terminate: () => socket.close(),
    })
    const caller = { kind: 'user' as const, id: 'u', role: 'owner', permissions: ['*'], actor: 'user:u' }
    const viewer: Viewer = createViewer({
      socket: socket as unknown as WebSocket,
      admitted: { caller, again: async () => caller },
      delivery,
      sources: { devices, plugins: nobody, messages, alerts: nobody, jobs: nobody },
      clock,
      log: { debug() {}, info() {}, warn: fail, error: fail },
      onClose() {},
    })
    const view = {
      seen,
      socket,
      viewer,
      frames: [] as LiveFrame[],
      cursor: undefined as string | undefined,
      async subscribe(cursor?: string) {
        socket.emit(
          'message',
          JSON.stringify({ subscribe: { kind: 'devices', ids }, ...(cursor ? { cursor } : {}) }),
          false,
        )
        await turns()
      },
    }
    return view
  }

  return {
    clock,
    open,
    async create(id: string) {
      if (records.has(id)) return
      records.set(id, recordOf(id))
      devices.follow({ kind: 'created', device: bare(records.get(id)!) })
      await turns()
    },
    async remove(id: string) {
      const found = records.get(id)
      if (!found) return
      records.delete(id)
      stored.delete(id)
      devices.follow({ kind: 'deleted', device: bare(found) })
      await turns()
    },
    async rename(id: string) {
      if (!records.has(id)) return
      records.set(id, recordOf(id))
      devices.follow({ kind: 'changed', device: bare(records.get(id)!) })
      await turns()
    },
    publish(id: string, key: string, at: number, value: number) {
      if (!records.has(id)) return
      const latest = stored.get(id) ?? {}
      stored.set(id, latest)
      if (!latest[key] || at >= latest[key].at) latest[key] = { at, value }
      ears.get(id)?.([{ key, at, value, json: false }])
    },
    shadow: (id: string) => devices.follow({ kind: 'shadow', device: id }),
  }
}
const fail = (...what: unknown[]) => {
  throw new Error(JSON.stringify(what))
}

const id = fc.constantFrom(...ids)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      id,
      key: fc.constantFrom('t', 'u'),
      at: fc.nat(20),
      value: fc.nat(1000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('create' as const, 'remove' as const, 'rename' as const, 'shadow' as const),
      id,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 50, 100, 300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stay-away' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'come-back' as const, 'block' as const, 'unblock' as const),
    }),
  },
)

test('whenever a viewer is cut or slow, once he is back he sees what a new viewer sees', async () => {
  const outcomes = { resumed: 0, whole: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const world = createWorld()
      await world.create('a')
      let view = world.open(emptySeen())
      await view.subscribe()
      const comeBack = async () => {
        if (view.socket.readyState === 1) return
        const { seen, cursor } = view
        view = world.open(seen)
        await view.subscribe(cursor)
        const resumed = view.frames.some((frame) => 'resumed' in frame)
        outcomes[resumed ? 'resumed' : 'whole']++
      }
      for (const each of steps) {
        if (each.do === 'publish') world.publish(each.id, each.key, each.at, each.value)
        else if (each.do === 'pass') world.clock.pass(each.ms)
        else if (each.do === 'stay-away') {
          view.socket.close()
          world.clock.pass(90_000)
        } else if (each.do === 'cut') view.socket.close()
        else if (each.do === 'come-back') await comeBack()
        else if (each.do === 'block') view.socket.bufferedAmount = 1
        else if (each.do === 'unblock') view.socket.bufferedAmount = 0
        else if ('id' in each) await world[each.do](each.id)
      }
      await comeBack()
      view.socket.bufferedAmount = 0
      world.clock.pass(300)
      const fresh = world.open(emptySeen())
      await fresh.subscribe()
      expect(view.seen.devices).toEqual(fresh.seen.devices)
    }),
    { numRuns: 2000, seed: 20_251_124 },
  )
  // Both ways back were taken, or the test shows nothing.
  expect(outcomes.resumed).toBeGreaterThan(20)
  expect(outcomes.whole).toBeGreaterThan(20)
}, 60_000)
