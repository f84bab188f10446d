import type { Socket } from 'node:dgram'
import { generate, parse, type ParsedPacket } from 'coap-packet'

export interface Sent {
  code?: string
  confirmable?: boolean
  path?: string
  query?: Record<string, string>
  payload?: Buffer | string
  token?: Buffer
  messageId?: number
  options?: { name: string | number; value: Buffer }[]
}

/** The wire itself rather than a client library: each test decides what is acknowledged, resent or left out. */
export interface CoapClient {
  readonly socket: Socket
  /** Everything that came, in order. */
  readonly received: ParsedPacket[]
  /** Sends a request; answers its message id and token. */
  send(what: Sent): { messageId: number; token: Buffer }
  raw(bytes: Buffer): void
  /** The first message from now or before that fits and that no one has taken yet. */
  next(fits?: (packet: ParsedPacket) => boolean, withinMs?: number): Promise<ParsedPacket>
  /** A request and its response, piggybacked or separate; a separate one is acknowledged. */
  ask(what: Sent): Promise<ParsedPacket>
  acknowledge(packet: ParsedPacket): void
  reset(packet: ParsedPacket): void
  close(): void
}

export const optionOf = (packet: ParsedPacket, name: string): Buffer | undefined =>
  packet.options.find((option) => String(option.name) === name)?.value

export const uintOf = (packet: ParsedPacket, name: string): number | undefined => {
  const value = optionOf(packet, name)
  return value && (value.length === 0 ? 0 : value.readUIntBE(0, value.length))
}

export function createCoapClient(socket: Socket): CoapClient {
  let ids = Math.floor(Math.random() * 60_000)
  let tokens = 0
  const received: ParsedPacket[] = []
  const fresh: ParsedPacket[] = []
  const waiting: { fits: (packet: ParsedPacket) => boolean; take: (packet: ParsedPacket) => void }[] = []
  socket.on('message', (bytes) => {
    const packet = parse(bytes)
    received.push(packet)
    const at = waiting.findIndex(({ fits }) => fits(packet))
    if (at < 0) fresh.push(packet)
    else waiting.splice(at, 1)[0]?.take(packet)
  })
  const raw = (bytes: Buffer): void => socket.send(bytes)

  const client: CoapClient = {
    socket,
    received,
    raw,
    send(what) {
      const messageId = what.messageId ?? (ids = (ids + 1) & 0xffff)
      const token = what.token ?? Buffer.from([++tokens >> 8, tokens & 0xff])
      raw(
        generate(
          {
            code: what.code ?? '0.02',
            confirmable: what.confirmable ?? true,
            messageId,
            token,
            options: [
              ...(what.path ?? '').split('/').map((level) => ({ name: 'Uri-Path', value: Buffer.from(level) })),
              ...Object.entries(what.query ?? {}).map(([name, value]) => ({
                name: 'Uri-Query',
                value: Buffer.from(`${name}=${value}`),
              })),
              ...(what.options ?? []),
            ],
            payload: Buffer.from(what.payload ?? ''),
          },
          70_000,
        ),
      )
      return { messageId, token }
    },
    next(fits = () => true, withinMs = 5_000) {
      const at = fresh.findIndex(fits)
      const found = at < 0 ? undefined : fresh.splice(at, 1)[0]
      if (found) return Promise.resolve(found)
      const { promise, resolve, reject } = Promise.withResolvers<ParsedPacket>()
      const entry = { fits, take: resolve }
      waiting.push(entry)
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1)
        reject(new Error('nothing came that fits'))
      }, withinMs)
      return promise.finally(() => clearTimeout(timer))
    },
    async ask(what) {
      const { token } = client.send(what)
      const packet = await client.next((one) => one.code !== '0.00' && one.token.equals(token))
      if (packet.confirmable) client.acknowledge(packet)
      return packet
    },
    acknowledge: ({ messageId }) => raw(generate({ code: '0.00', ack: true, messageId })),
    reset: ({ messageId }) => raw(generate({ code: '0.00', reset: true, messageId })),
    close: () => socket.close(),
  }
  return client
}
