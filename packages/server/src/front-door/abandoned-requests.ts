import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends requests that wait for their turn on a connection that has gone. Node tells only the one whose turn it is that it is over, and forgets
 * the others wholly when the last asks for an upgrade: whatever counts requests, or limits their time, would keep them.
 */
export function endAbandonedRequests(onRequest: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, Map<ServerResponse, IncomingMessage>>()

  const waitingOn = (socket: Socket): Map<ServerResponse, IncomingMessage> => {
    const known = waiting.get(socket)
    if (known) return known
    const requests = new Map<ServerResponse, IncomingMessage>()
    waiting.set(socket, requests)
    // After what Node does itself, so that nobody is told twice.
    socket.once('close', () => setImmediate(end, requests))
    return requests
  }

  return (request, response) => {
    const requests = waitingOn(request.socket)
    requests.set(response, request)
    response.once('finish', () => requests.delete(response))
    onRequest(request, response)
  }
}

function end(requests: ReadonlyMap<ServerResponse, IncomingMessage>): void {
  for (const [response, request] of requests) {
    request.destroy()
    // It was the one whose turn it was, which Node has told.
    if (response.destroyed) continue
    response.destroyed = true
    response.emit('close')
  }
}
