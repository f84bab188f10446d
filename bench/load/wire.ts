/** MQTT 3.1.1 as bytes: what the load sends is made before the run and what it reads is looked at without objects. */

export interface Login {
  id: string
  password: string
}

const connectFlags = 0b1100_0010 // user name, password, clean session
const protocolLevel = 4

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let left = length
  do {
    const digit = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? digit | 0x80 : digit)
  } while (left > 0)
  return Buffer.from(bytes)
}

const packet = (first: number, ...body: Buffer[]): Buffer => {
  const whole = Buffer.concat(body)
  return Buffer.concat([Buffer.from([first]), remainingLength(whole.length), whole])
}

export function toConnect(login: Login, keepAliveSeconds: number): Buffer {
  const flags = Buffer.from([protocolLevel, connectFlags, keepAliveSeconds >> 8, keepAliveSeconds & 0xff])
  return packet(0x10, text('MQTT'), flags, text(`bench-${login.id}`), text(login.id), text(login.password))
}

export const disconnect = Buffer.from([0xe0, 0])

/** A PUBLISH; at QoS 1 its packet identifier is written at `idAt` before each send. */
export interface Publish {
  bytes: Buffer
  idAt: number
}

export function toPublish(topic: string, payload: string, qos: 0 | 1): Publish {
  const name = text(topic)
  const id = Buffer.alloc(qos === 1 ? 2 : 0)
  const bytes = packet(0x30 | (qos << 1), name, id, Buffer.from(payload))
  return { bytes, idAt: bytes.length - Buffer.byteLength(payload) - id.length }
}

export type Seen = (type: number, packetId: number, code: number) => void

/** Reads packets of at most four bytes (CONNACK, PUBACK), in whatever pieces they come. */
export class AnswerReader {
  private state = 0
  private first = 0
  private left = 0
  private body = 0

  read(bytes: Uint8Array, length: number, seen: Seen): void {
    for (let i = 0; i < length; i++) {
      const byte = bytes[i] ?? 0
      if (this.state === 0) {
        this.first = byte
        this.state = 1
      } else if (this.state === 1) {
        this.left = byte
        this.body = 0
        this.state = 2
        if (byte === 0) this.end(seen)
      } else {
        this.body = ((this.body << 8) | byte) & 0xff_ffff
        if (--this.left === 0) this.end(seen)
      }
    }
  }

  private end(seen: Seen): void {
    this.state = 0
    seen(this.first >> 4, this.body & 0xffff, this.body & 0xff)
  }
}
