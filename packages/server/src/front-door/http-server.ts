import { createServer, type RequestListener, type Server } from 'node:http'
import { endAbandonedRequests } from './abandoned-requests.ts'

/** Whole head of a request: over within 5 s, as the next look may come this much later. */
const checkEveryMs = 250
export const headersTimeoutMs = 5000 - 2 * checkEveryMs
/** Whole request. */
export const requestTimeoutMs = 30_000
export const keepAliveTimeoutMs = 65_000
const maxHeaderBytes = 16_384

/** The HTTP/1 server behind the front door: `server.emit('connection', socket)` gives it connections, it never listens itself. */
export function createHttpServer(onRequest: RequestListener): Server {
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      maxHeaderSize: maxHeaderBytes,
    },
    endAbandonedRequests(onRequest),
  )
  // Node begins to watch its time limits when a server starts to listen; without this they are never enforced here.
  server.emit('listening')
  return server
}
