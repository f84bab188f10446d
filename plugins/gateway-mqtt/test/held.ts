// Started by bench:gateway with --expose-gc: the gateway alone in a process, which says what it holds when it is asked to.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { readLists } from '../src/document-lists.ts'
import { createGateway } from '../src/gateway.ts'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const gateway = createGateway({
  log: quiet,
  permitsPlain: () => true,
  trustsProxy: () => true,
  isAllowed: () => true,
  handOver: () => false,
  onRefused: () => undefined,
})
const nodes = Object.fromEntries(process.argv.slice(2).map((port) => [`127.0.0.1:${port}`, 1]))
const upstream = { type: 'chash', key: 'mqtt_client_id', nodes }
const route = { id: 1, plugins: { 'mqtt-proxy': { protocol_level: 4 } }, upstream }
gateway.configure(readLists({ stream_routes: [route] }).documents)
const door = { name: 'bench', tls: false, proxyProtocol: false }
const server = createServer({ noDelay: true }, (socket) => gateway.accept(socket, door))
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
await once(server, 'listening')
process.send?.(server.address())
process.on('message', () => {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  process.send?.({ held: heapUsed + external, rss })
})
