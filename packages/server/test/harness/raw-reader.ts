import net from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'

/** A subscriber that reads thousands of messages a second without an object for each, and can stop reading. */
export interface RawReader {
  readonly isClosed: boolean
  /** Stops taking bytes from the socket; the connection stays. */
  stall(): void
  end(): void
}

export interface RawReaderOptions {
  port: number
  clientId: string
  username: string
  password: string
  filters: readonly string[]
  qos: 0 | 1
  /** MQTT 3.1.1's clean session; without it the session is kept. */
  clean: boolean
  /** Where the PUBLISH lies in the bytes: called at once, nothing is copied. */
  onPublish: (bytes: Buffer, from: number, to: number) => void
}

const publishType = 3

/** Where the packet that begins at `at` has its body and its end; nothing when not all of it is there. */
const frameAt = (bytes: Buffer, at: number): { body: number; end: number } | undefined => {
  let length = 0
  for (let i = 1; i <= 4; i++) {
    const digit = bytes[at + i]
    if (digit === undefined) return undefined
    length |= (digit & 0x7f) << (7 * (i - 1))
    if (digit < 0x80) {
      const end = at + i + 1 + length
      return end <= bytes.length ? { body: at + i + 1, end } : undefined
    }
  }
  throw new Error('a remaining length of more than four bytes')
}

export const openRawReader = async (options: RawReaderOptions): Promise<RawReader> => {
  const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  const send = (packet: Packet): void => void socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }))
  const ready = Promise.withResolvers<void>()
  let rest: Buffer = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (let frame = frameAt(bytes, at); frame; frame = frameAt(bytes, at)) {
      const first = bytes[at]!
      if (first >> 4 === publishType) {
        options.onPublish(bytes, frame.body, frame.end)
        if ((first & 0x06) !== 0) {
          const idAt = frame.body + 2 + bytes.readUInt16BE(frame.body)
          socket.write(Buffer.from([0x40, 2, bytes[idAt]!, bytes[idAt + 1]!]))
        }
      } else if (first >> 4 === 2) {
        if (bytes[frame.body + 1] !== 0) ready.reject(new Error(`CONNACK ${bytes[frame.body + 1]}`))
        const subscriptions = options.filters.map((topic) => ({ topic, qos: options.qos }))
        send({ cmd: 'subscribe', messageId: 1, subscriptions })
      } else if (first >> 4 === 9) {
        const refused = bytes.subarray(frame.body + 2, frame.end).some((code) => code !== options.qos)
        if (refused) ready.reject(new Error('a subscription was refused'))
        ready.resolve()
      }
      at = frame.end
    }
    rest = bytes.subarray(at)
  })
  socket.on('error', () => undefined) // 'close' follows
  socket.on('close', () => {
    isClosed = true
    ready.reject(new Error('closed before SUBACK'))
  })
  const { clientId, username, password, clean } = options
  send({ cmd: 'connect', clientId, username, password: Buffer.from(password), clean, keepalive: 600 })
  await ready.promise
  return {
    get isClosed() {
      return isClosed
    },
    stall: () => void socket.pause(),
    end: () => void socket.destroy(),
  }
}
