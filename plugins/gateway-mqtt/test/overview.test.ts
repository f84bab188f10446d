import { toMetricText } from '@patchbay/sdk'
import { afterEach, expect, test, vi } from 'vitest'
import { listNodes, listRoutes, listSessions, toMetrics } from '../src/overview.ts'
import { findUpstream, simulate } from '../src/simulation.ts'
import { toConnect } from './connect-bytes.ts'
import { createWorld, mqttRoute, startBroker, type World } from './world.ts'

let world: World
afterEach(() => world.close())

test('live sessions, nodes, routes, and what other weights would move', async () => {
  const [a, b] = [await startBroker(), await startBroker()]
  const nodes = [a, b].map(({ port }) => ({ host: '127.0.0.1', port, weight: 1 }))
  world = await createWorld(mqttRoute(nodes))
  world.own(a.close)
  world.own(b.close)
  const ids = Array.from({ length: 40 }, (_, index) => `c${index}`)
  for (const id of ids) (await world.connect()).write(toConnect({ clientId: id }))
  const { gateway } = world
  const bytes = toConnect({ clientId: 'c1' }).length
  await vi.waitFor(() =>
    expect(listSessions(gateway, { limit: 200, cursor: 0, clientId: 'c1' }).items[0]?.bytesUp).toBe(bytes),
  )
  await vi.waitFor(() => expect(a.sockets.length + b.sockets.length).toBe(40))

  const first = listSessions(gateway, { limit: 30, cursor: 0 })
  const rest = listSessions(gateway, { limit: 30, cursor: Number(first.nextCursor) })
  expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([30, 10, null])
  expect(new Set([...first.items, ...rest.items].map(({ clientId }) => clientId))).toEqual(new Set(ids))
  await vi.waitFor(() =>
    expect(listNodes(gateway).map(({ active }) => active)).toEqual([a.sockets.length, b.sockets.length]),
  )
  expect(listRoutes(gateway)).toMatchObject([{ route: 'r', accepted: 40, refused: 0 }])
  expect(toMetricText(toMetrics(gateway))).toContain(
    `patchbay_gateway_node_active{upstream="stream_routes/r",node="127.0.0.1:${a.port}"} ${a.sockets.length}`,
  )

  const upstream = findUpstream(gateway.configuration, 'stream_routes/r')
  if (!upstream) throw new TypeError('no upstream')
  const same = simulate(upstream, { clientIds: ids }, gateway.sessions.values())
  expect(same).toMatchObject({
    sessions: { total: 40, moved: 0 },
    nodes: [{ clients: a.sockets.length }, { clients: b.sockets.length }],
  })
  const heavier = simulate(
    upstream,
    { clientIds: ids, weights: { [`127.0.0.1:${a.port}`]: 3 } },
    gateway.sessions.values(),
  )
  if (typeof heavier === 'string' || typeof same === 'string') throw new TypeError('not simulated')
  expect(heavier.nodes[0]?.newArc).toBeGreaterThan(heavier.nodes[0]?.arc ?? 1)
  // More weight only draws clients to it: nobody moves away from it.
  const moves = heavier.placement.filter(({ node, now }) => node !== now)
  expect(moves.length).toBe(heavier.sessions.moved)
  expect(new Set(moves.map(({ node }) => node))).toEqual(new Set(moves.length > 0 ? [`127.0.0.1:${a.port}`] : []))
  // Drained: five of its sessions a second, and nobody new.
  const [drained] = upstream.nodes
  if (!drained) throw new TypeError('no node')
  drained.draining = 5
  const active = drained.active
  gateway.tick()
  await vi.waitFor(() => expect(drained.active).toBe(active - 5))
  gateway.tick()
  await vi.waitFor(() => expect(drained.active).toBe(active - 10))
  for (const id of ids) expect(upstream.balancer.pick(id)).not.toBe(drained)
  drained.draining = 0
  gateway.tick()
  expect(drained.active).toBe(active - 10)
  // The preview is what really happens.
  world.configure(mqttRoute(nodes.map((node, index) => (index === 0 ? { ...node, weight: 3 } : node))))
  const now = world.gateway.configuration.upstreams.get('stream_routes/r')
  for (const { clientId, node } of heavier.placement) expect(now?.balancer.pick(clientId)?.name).toBe(node)
  expect(simulate(upstream, { weights: { nowhere: 1 } }, [])).toContain('no node')
})

test('sessions are found by a part of the client id or the address, and by route', async () => {
  const broker = await startBroker()
  world = await createWorld(mqttRoute([{ host: '127.0.0.1', port: broker.port, weight: 1 }]))
  world.own(broker.close)
  for (const clientId of ['Pump-1', 'pump-2', 'valve']) (await world.connect()).write(toConnect({ clientId }))
  const find = (query: object) => listSessions(world.gateway, { limit: 50, cursor: 0, ...query }).items.length
  await vi.waitFor(() => expect(find({ route: 'r' })).toBe(3))
  expect([find({ search: 'PUMP' }), find({ search: '127.0.0' }), find({ search: 'x' }), find({ route: 'no' })]).toEqual(
    [2, 3, 0, 0],
  )
})

test('the drawn ring is what is served: by priority, without who is drained; and no question is too big', async () => {
  const nodes = [1, 2, 3].map((port) => ({ host: '127.0.0.1', port, weight: 1, priority: port === 3 ? -1 : 0 }))
  world = await createWorld(mqttRoute(nodes))
  const upstream = findUpstream(world.gateway.configuration, 'stream_routes/r')
  if (!upstream) throw new TypeError('no upstream')
  const drawn = () => {
    const simulation = simulate(upstream, { slices: 360 }, [])
    if (typeof simulation === 'string') throw new TypeError(simulation)
    return simulation
  }
  expect(new Set(drawn().ring?.now)).toEqual(new Set([0, 1]))
  const [first = 0, second = 0, third] = drawn().nodes.map(({ arc }) => arc)
  expect([first + second, third]).toEqual([expect.closeTo(1), 0])
  const counted = (drawn().ring?.now.filter((place) => place === 0).length ?? 0) / 360
  expect(Math.abs(counted - first)).toBeLessThan(0.05)
  const [drained] = upstream.nodes
  if (drained) drained.draining = 1
  expect(new Set(drawn().ring?.now)).toEqual(new Set([1]))
  expect(simulate(upstream, { weights: { '127.0.0.1:1': 65_535, '127.0.0.1:2': 65_534 } }, [])).toContain('too big')
})

test('the bytes of sessions that the platform itself serves are seen while they are open', async () => {
  world = await createWorld(mqttRoute([{ local: true, weight: 1 }]))
  const socket = await world.connect()
  const bytes = toConnect({ clientId: 'here' })
  socket.write(bytes)
  await vi.waitFor(() => expect(world.handedOver).toHaveLength(1))
  const answer = Buffer.from([0x20, 2, 0, 0])
  world.handedOver[0]?.socket.write(answer)
  const seen = { bytesUp: bytes.length, bytesDown: answer.length }
  await vi.waitFor(() => expect(listSessions(world.gateway, { limit: 1, cursor: 0 }).items).toMatchObject([seen]))
  expect([listNodes(world.gateway), listRoutes(world.gateway)]).toMatchObject([[seen], [seen]])
  socket.destroy()
  await vi.waitFor(() => expect(world.gateway.sessions.size).toBe(0))
  expect(listNodes(world.gateway)).toMatchObject([seen])
})
