import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { createNodeHealth } from '../src/node-health.ts'
import { createNode } from '../src/node.ts'
import { toConnect } from './connect-bytes.ts'
import { createWorld, listenOn, mqttRoute, startBroker, type World } from './world.ts'

let world: World
afterEach(() => world?.close())
const stateOf = () => world.gateway.configuration.upstreams.get('stream_routes/r')?.nodes[0]
const nodesOf = (...ports: number[]) => ports.map((port) => ({ host: '127.0.0.1', port, weight: 1 }))
const settles = async (state: string): Promise<void> =>
  vi.waitFor(() => {
    world.gateway.tick()
    expect(stateOf()?.state).toBe(state)
  }, 5_000)

test('counts in a row: one success between two failures begins again', () => {
  const node = createNode({ host: 'h', port: 1, weight: 1, priority: 0, local: false })
  const changes: string[] = []
  const health = createNodeHealth(
    { successes: 2, tcp_failures: 2, timeouts: 0, http_failures: 5 },
    (_, state) => void changes.push(state),
  )
  health.failure(node, 'tcp', 'x')
  health.success(node)
  health.failure(node, 'tcp', 'x')
  // Timeouts of 0 never count.
  for (let count = 0; count < 9; count++) health.failure(node, 'timeout', 'x')
  expect(node.state).toBe('healthy')
  health.failure(node, 'tcp', 'refused')
  expect([node.state, node.reason]).toEqual(['unhealthy', 'refused'])
  health.success(node)
  expect(node.state).toBe('unhealthy')
  health.success(node)
  expect(changes).toEqual(['unhealthy', 'healthy'])
})

test('a port that takes connections and says nothing is up for tcp, and down for mqtt', async () => {
  const broker = await startBroker()
  world = await createWorld(
    mqttRoute(nodesOf(broker.port), { checks: { active: { type: 'mqtt', timeout: 0.1, unhealthy: { timeouts: 1 } } } }),
  )
  world.own(broker.close)
  await settles('unhealthy')
  expect(stateOf()?.reason).toContain('no CONNACK')
  world.configure(mqttRoute(nodesOf(broker.port), { checks: { active: { type: 'tcp' } } }))
  await settles('healthy')
})

test('an HTTP check looks at the status', async () => {
  let status = 500
  const server = createHttpServer((_, response) => response.writeHead(status).end())
  const port = await listenOn(server)
  world = await createWorld(mqttRoute(nodesOf(port), { checks: { active: { unhealthy: { http_failures: 2 } } } }))
  world.own(() => server.closeAllConnections())
  world.own(() => void server.close())
  await settles('unhealthy')
  expect(stateOf()?.reason).toBe('answered 500')
  status = 200
  await settles('healthy')
})

test('an HTTP check sends the headers of req_headers', async () => {
  const server = createHttpServer(({ headers }, response) =>
    response.writeHead(headers['x-probe'] === 'up: yes?' && headers.host === 'broker.example' ? 200 : 401).end(),
  )
  const port = await listenOn(server)
  const withHeaders = (more: object) =>
    mqttRoute(nodesOf(port), {
      checks: { active: { host: 'broker.example', unhealthy: { http_failures: 1 }, ...more } },
    })
  world = await createWorld(withHeaders({}))
  world.own(() => server.closeAllConnections())
  world.own(() => void server.close())
  await settles('unhealthy')
  expect(stateOf()?.reason).toBe('answered 401')
  world.configure(withHeaders({ req_headers: ['X-Probe: up: yes?'] }))
  await settles('healthy')
})

test('clients’ own failures count where passive checks are on, and the state survives a new configuration', async () => {
  const [a, b] = [await startBroker(), await startBroker()]
  world = await createWorld(
    mqttRoute(nodesOf(a.port, b.port), {
      type: 'roundrobin',
      checks: {
        active: { type: 'tcp', healthy: { interval: 3_600 }, unhealthy: { interval: 3_600 } },
        passive: { type: 'tcp', unhealthy: { tcp_failures: 1 } },
      },
    }),
  )
  world.own(b.close)
  a.close()
  for (let count = 0; count < 2; count++) {
    const socket = await world.connect()
    socket.write(toConnect({ clientId: `c${count}` }))
  }
  await vi.waitFor(() => expect(stateOf()?.state).toBe('unhealthy'))
  expect(stateOf()?.failures).toBe(1)
  world.configure(mqttRoute(nodesOf(a.port, b.port), { type: 'roundrobin', checks: { active: { type: 'tcp' } } }))
  expect(stateOf()?.state).toBe('unhealthy')
})

test('on_down close ends the sessions of a node that is down', async () => {
  const broker = await startBroker()
  const checks = { active: { type: 'mqtt', timeout: 0.1, unhealthy: { timeouts: 1 } } }
  world = await createWorld(mqttRoute(nodesOf(broker.port), { checks, on_down: 'close' }))
  world.own(broker.close)
  const socket = await world.connect()
  socket.write(toConnect({ clientId: 'x' }))
  const closed = once(socket, 'close')
  await settles('unhealthy')
  await closed
})
