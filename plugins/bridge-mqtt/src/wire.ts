import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { NotReady } from '@patchbay/sdk'
import { connectTo } from '@patchbay/sdk/outbound-socket'
import mqtt, { type IConnackPacket, type IConnectPacket, type Packet } from 'mqtt-packet'

export type Version = 4 | 5

/** Where a broker is, and what its TLS has to be. */
export interface WireTarget {
  readonly host: string
  readonly port: number
  readonly tls: TlsOptions | undefined
}

export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly alpn?: string
  readonly servername?: string
}

/** Who comes, as this side says it in CONNECT. */
export type Login = Omit<IConnectPacket, 'cmd' | 'protocolId' | 'protocolVersion' | 'properties'> & {
  readonly version: Version
  /** MQTT 3.1.1: the highest bit of the version, by which Mosquitto knows a bridge, to which it sends nothing of its own back. */
  readonly asBridge: boolean
  readonly properties?: IConnectPacket['properties']
}

/** The broker does not let this side in. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused'
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** A connection that is through its login. */
export interface Wire {
  readonly connack: IConnackPacket
  readonly version: Version
  send(packet: Packet, done?: () => void): void
  /** Sends together what is sent meanwhile. */
  together(work: () => void): void
  onPacket(hear: (packet: Packet) => void): void
  /** Resolves when the connection is over, with why. */
  readonly ended: Promise<Error>
  end(why: Error): void
}

const connectMs = 10_000
const bridgeBit = 0x80

const reasons: Readonly<Record<number, string>> = {
  // MQTT 3.1.1
  1: 'it does not speak this version of MQTT',
  2: 'it does not take this client id',
  3: 'it is not ready',
  4: 'it does not know the user name or password',
  5: 'it does not let this client in',
  // MQTT 5
  0x84: 'it does not speak this version of MQTT',
  0x85: 'it does not take this client id',
  0x86: 'it does not know the user name or password',
  0x87: 'it does not let this client in',
  0x88: 'it is not ready',
  0x89: 'it is busy',
  0x8a: 'this client is banned',
  0x97: 'a quota is used up',
  0x9f: 'too many connections came too quickly',
}
const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`

/** The broker's words and what they mean. */
export const toReasonText = (code: number, said: string | undefined): string =>
  `${hex(code)}${reasons[code] === undefined ? '' : `: ${reasons[code]}`}${said === undefined ? '' : ` (“${said}”)`}`

export const isVersionRefused = (error: unknown): boolean =>
  error instanceof LoginRefused && (error.code === 1 || error.code === 0x84)

async function openSocket({ host, port, tls }: WireTarget, signal: AbortSignal): Promise<Duplex> {
  const socket = await connectTo({ host, port, privateTargets: 'all', signal, timeoutMs: connectMs })
  socket.setNoDelay(true)
  if (!tls) return socket
  const { alpn, servername = host, ...certificates } = tls
  const secure: TLSSocket = connectTls({
    socket,
    ...certificates,
    // [RFC 6066, 3] an address is no server name.
    ...(/^[\d.]+$|:/.test(servername) ? {} : { servername }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    minVersion: 'TLSv1.2',
  })
  let late: ReturnType<typeof setTimeout> | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      late = setTimeout(() => reject(new NotReady(`No TLS handshake within ${connectMs / 1000} s.`)), connectMs)
      secure.once('secureConnect', resolve)
      secure.once('error', reject)
      secure.once('close', () => reject(new NotReady('The connection was closed during the TLS handshake.')))
    })
  } catch (error) {
    secure.on('error', () => undefined)
    socket.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
  return secure
}

/** Connects and logs in. Rejects with LoginRefused when the broker says no. */
export async function openWire(target: WireTarget, login: Login, signal: AbortSignal): Promise<Wire> {
  const socket = await openSocket(target, signal)
  const { version, asBridge, ...connect } = login
  const parser = mqtt.parser({ protocolVersion: version })
  const ended = Promise.withResolvers<Error>()
  const welcomed = Promise.withResolvers<IConnackPacket>()
  // What waited for this side may come together with the CONNACK.
  const early: Packet[] = []
  let hear: (packet: Packet) => void = (packet) => void early.push(packet)
  let why: Error | undefined
  let heardMs = performance.now()
  let pinging: ReturnType<typeof setInterval> | undefined

  const end = (error: Error): void => {
    why ??= error
    socket.destroy()
  }
  parser.on('packet', (packet) => {
    heardMs = performance.now()
    if (packet.cmd === 'connack') welcomed.resolve(packet)
    else if (packet.cmd === 'disconnect')
      end(
        new NotReady(
          `The broker ended the connection: ${toReasonText(packet.reasonCode ?? 0, packet.properties?.reasonString)}.`,
        ),
      )
    else hear(packet)
  })
  parser.on('error', (cause: unknown) => end(new NotReady('What the broker sent cannot be read.', { cause })))
  socket.on('data', (bytes: Buffer) => void parser.parse(bytes))
  socket.on('error', (cause: Error) => (why ??= new NotReady(`The connection broke: ${cause.message}.`, { cause })))
  socket.on('close', () => {
    clearInterval(pinging)
    const reason = why ?? new NotReady('The broker closed the connection.')
    welcomed.reject(reason)
    ended.resolve(reason)
  })
  const send = (packet: Packet, done?: () => void): void => {
    if (!socket.destroyed) socket.write(mqtt.generate(packet, { protocolVersion: version }), done && (() => done()))
  }

  const first = mqtt.generate(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      ...connect,
      ...(version === 5 && connect.properties ? { properties: connect.properties } : { properties: {} }),
    },
    { protocolVersion: version },
  )
  // The version stands behind the fixed header (2 to 5 bytes) and the name of the protocol (6).
  if (asBridge && version === 4) first[first.indexOf('MQTT') + 4] = version | bridgeBit
  socket.write(first)
  const late = setTimeout(() => end(new NotReady(`The broker did not answer within ${connectMs / 1000} s.`)), connectMs)
  try {
    const connack = await welcomed.promise
    const code = connack.reasonCode ?? connack.returnCode ?? 0
    if (code !== 0) {
      const refused = new LoginRefused(
        code,
        `The broker refused the login, ${toReasonText(code, connack.properties?.reasonString)}.`,
      )
      end(refused)
      throw refused
    }
    const keepAliveMs = (connack.properties?.serverKeepAlive ?? login.keepalive ?? 0) * 1000
    if (keepAliveMs > 0)
      pinging = setInterval(() => {
        // [MQTT-3.1.2-24] what a broker does with a silent client, turned round.
        if (performance.now() - heardMs > keepAliveMs * 1.5) end(new NotReady('The broker is silent.'))
        else send({ cmd: 'pingreq' })
      }, keepAliveMs / 2)
    return {
      connack,
      version,
      send,
      together(work) {
        socket.cork()
        work()
        process.nextTick(() => socket.uncork())
      },
      onPacket(next) {
        hear = next
        for (const packet of early.splice(0)) next(packet)
      },
      ended: ended.promise,
      end,
    }
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
}
