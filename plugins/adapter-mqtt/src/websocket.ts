import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Connection, UpgradeRequest } from '@patchbay/sdk'

/** [MQTT-6.0.0-3] and the name that clients of MQTT 3.1 used. */
const subprotocols = ['mqtt', 'mqttv3.1']

/**
 * [MQTT-6.0.0-2] a frame may hold several packets, so that it may be larger than any of them; and the client whose packet is
 * somewhat too large is told so by MQTT's DISCONNECT, not by WebSocket.
 */
const packetsPerFrame = 2
/** How long the answer to WebSocket's own goodbye is waited for. */
const closeTimeoutMs = 250
/** An option that the library has and its types do not. */
const closing = { closeTimeout: closeTimeoutMs }

/** Takes MQTT over WebSocket and gives it on as a plain connection. */
export function createWebSocketDoor(maxPacketBytes: number, onConnection: (connection: Connection) => void) {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    ...closing,
    maxPayload: packetsPerFrame * maxPacketBytes,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  })
  // ws answers a bad handshake itself and tells us afterwards
  server.on('wsClientError', (_error, socket) => socket.destroy())
  return {
    onUpgrade: (request: UpgradeRequest, connection: Connection, head: Uint8Array): void => {
      const { socket } = connection
      socket.on('error', () => socket.destroy())
      const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(',')
      if (!offered.some((name) => subprotocols.includes(name.trim()))) {
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        return
      }
      server.handleUpgrade(toMessage(request), socket, Buffer.from(head), (webSocket) => {
        // [MQTT-6.0.0-1] text frames end the connection
        webSocket.on('message', (_data, isBinary) => {
          if (!isBinary) webSocket.close(1003)
        })
        onConnection({ ...connection, socket: createWebSocketStream(webSocket) })
      })
    },
    close: () => server.close(),
  }
}

/** ws reads method, url and headers of the request, and nothing else. */
function toMessage(request: UpgradeRequest): IncomingMessage {
  const message = new IncomingMessage(new Socket())
  message.method = request.method
  message.url = request.url
  Object.assign(message.headers, request.headers)
  return message
}
