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
