import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'

/** Viewers on bare sockets: the bytes are counted and thrown away, so that reading costs the machine as little as can be. */
export interface Viewers {
  readonly bytes: number
  close(): void
}

export interface ViewersOptions {
  port: number
  path: string
  count: number
  headers: Record<string, string>
  /** Sent by each after the handshake. */
  request: string
}

/** A masked text frame [RFC 6455 section 5.2]; a mask of zeros leaves the bytes as they are. */
function toFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

export async function openViewers({ port, path, count, headers, request }: ViewersOptions): Promise<Viewers> {
  const sockets: net.Socket[] = []
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n${lines.join('')}\r\n`,
    )
    const [answer] = await once(socket, 'data')
    if (!String(answer).startsWith('HTTP/1.1 101')) throw new Error(`viewer ${i} was refused: ${String(answer)}`)
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    socket.on('error', () => undefined) // the server ends before us: nothing to be done
    socket.write(toFrame(request))
    sockets.push(socket)
  }
  return {
    get bytes() {
      return bytes
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
