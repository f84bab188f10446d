import net from 'node:net'
import mqttPacket, { type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt-packet'

/**
 * A client with a session that it keeps itself: packet identifiers, what is not answered yet and what QoS 2 has received
 * outlive every connection, as the specification asks of a client [MQTT-4.1.0-1]. A library would hide what must be seen here.
 */
export interface KeptSession {
  readonly name: string
  /** Everything the server did that it may not, in words. */
  readonly faults: string[]
  /** Published and not completely answered. */
  readonly unanswered: number
  readonly connections: number
  readonly isOpen: boolean
  publish(message: { topic: string; payload: string; qos: 1 | 2; n: number }): void
  /** Ends the connection without DISCONNECT: with what is on the way read to its end (false) or thrown away (true). */
  cut(reset: boolean): void
  /** Why nothing happens, for the one who waits. */
  state(): string
  end(): void
}

export interface KeptSessionOptions {
  version: 4 | 5
  name: string
  username: string
  password: string
  /** Where the server is now; undefined while it is down. */
  port: () => number | undefined
  subscribe?: { filters: readonly string[]; qos: 1 | 2 }
  /** MQTT 5: the most messages at QoS 1 and 2 that may be under way to this client. */
  receiveMaximum?: number
  /** The server took responsibility: PUBACK, or PUBREC at QoS 2. */
  onAcked?: (n: number) => void
  onMessage?: (packet: IPublishPacket) => void
  /** Between the end of a connection and the next one. */
  pauseMs: () => number
}

interface Outgoing {
  n: number
  topic: string
  payload: string
  qos: 1 | 2
  released: boolean
}

const sessionExpirySeconds = 3600
const keepAliveSeconds = 30
const retryMs = 20
/** A CONNECT without answer for so long is a fault. */
const connackDeadlineMs = 10_000
/** Of MQTT 5: from here on a reason code is a refusal. */
const firstRefusal = 0x80

export const openKeptSession = (options: KeptSessionOptions): KeptSession => {
  const { version, name } = options
  const outgoing = new Map<number, Outgoing>()
  const received = new Set<number>()
  const faults: string[] = []
  let socket: net.Socket | undefined
  let timer: NodeJS.Timeout | undefined
  let isOpen = false
  let isOver = false
  let isKnown = false
  let connections = 0
  let lastId = 0

  const send = (packet: Packet): void => {
    socket?.write(mqttPacket.generate(packet, { protocolVersion: version }))
  }
  const sendPublish = (id: number, { topic, payload, qos }: Outgoing, dup: boolean): void =>
    send({ cmd: 'publish', topic, payload, qos, messageId: id, retain: false, dup })

  const welcome = (connack: IConnackPacket): void => {
    const code = (version === 5 ? connack.reasonCode : connack.returnCode) ?? 0
    if (code !== 0) {
      faults.push(`CONNACK ${code}`)
      return
    }
    if (isKnown && !connack.sessionPresent) {
      faults.push('the session was lost')
      // [MQTT-3.2.2-5] The client then has none either.
      outgoing.clear()
      received.clear()
    }
    connections++
    isOpen = true
    // [MQTT-4.4.0-1], [MQTT-4.6.0-1] Sent again as they were, in their order.
    for (const [id, message] of outgoing) {
      if (message.released) send({ cmd: 'pubrel', messageId: id })
      else sendPublish(id, message, true)
    }
    if (!options.subscribe || (isKnown && connack.sessionPresent)) {
      isKnown = true
      return
    }
    const { filters, qos } = options.subscribe
    send({ cmd: 'subscribe', messageId: nextId(), subscriptions: filters.map((topic) => ({ topic, qos })) })
  }

  const nextId = (): number => {
    do lastId = (lastId % 65_535) + 1
    while (outgoing.has(lastId))
    return lastId
  }

  const hear = (packet: Packet): void => {
    if (packet.cmd === 'connack') return welcome(packet)
    if (packet.cmd === 'disconnect') return void faults.push(`DISCONNECT ${packet.reasonCode}`)
    if (packet.cmd === 'suback') {
      isKnown = true
      if (packet.granted.some((code) => code !== options.subscribe?.qos)) faults.push('a subscription was refused')
      return
    }
    const id = packet.messageId ?? 0
    if (packet.cmd === 'publish') return receive(id, packet)
    if (packet.cmd === 'pubrel') {
      received.delete(id)
      return send({ cmd: 'pubcomp', messageId: id })
    }
    if (packet.cmd === 'puback' || packet.cmd === 'pubrec' || packet.cmd === 'pubcomp') {
      answer(packet.cmd, id, packet.reasonCode ?? 0)
    }
  }

  const receive = (id: number, packet: IPublishPacket): void => {
    if (packet.qos === 2) {
      if (received.has(id)) {
        if (!packet.dup) faults.push(`the identifier ${id} is used again before its PUBREL`)
      } else {
        received.add(id)
        options.onMessage?.(packet)
      }
      if (received.size > (options.receiveMaximum ?? 65_535)) faults.push('more under way than the Receive Maximum')
      return send({ cmd: 'pubrec', messageId: id })
    }
    options.onMessage?.(packet)
    if (packet.qos === 1) send({ cmd: 'puback', messageId: id })
  }

  const answer = (cmd: 'puback' | 'pubrec' | 'pubcomp', id: number, code: number): void => {
    const message = outgoing.get(id)
    if (!message) {
      // A PUBREC that crossed our PUBREL of an earlier connection is answered as [MQTT-4.3.3-1] says; the others mean nobody.
      if (cmd === 'pubrec') send({ cmd: 'pubrel', messageId: id })
      else faults.push(`${cmd} ${id} answers nothing`)
      return
    }
    // A PUBCOMP that says 0x92 is as good: the one that was lost had ended the exchange.
    if (code >= firstRefusal && cmd !== 'pubcomp') {
      faults.push(`${cmd} 0x${code.toString(16)}`)
      outgoing.delete(id)
    } else if (cmd === 'pubrec') {
      if (message.qos !== 2) faults.push('PUBREC at QoS 1')
      if (!message.released) options.onAcked?.(message.n)
      message.released = true
      send({ cmd: 'pubrel', messageId: id })
    } else {
      if ((cmd === 'puback') !== (message.qos === 1)) faults.push(`${cmd} at QoS ${message.qos}`)
      if (cmd === 'puback') options.onAcked?.(message.n)
      outgoing.delete(id)
    }
  }

  const open = (): void => {
    if (isOver) return
    const port = options.port()
    if (port === undefined) {
      timer = setTimeout(open, retryMs)
      return
    }
    const parser = mqttPacket.parser({ protocolVersion: version })
    const own = net.connect({ port, host: '127.0.0.1', noDelay: true })
    socket = own
    const late = setTimeout(() => {
      faults.push(`no CONNACK within ${connackDeadlineMs} ms`)
      own.destroy()
    }, connackDeadlineMs)
    parser.on('packet', (packet: Packet) => {
      clearTimeout(late)
      // What was read together with the cut is lost with the connection.
      if (socket === own) hear(packet)
    })
    parser.on('error', (error: Error) => {
      faults.push(`malformed: ${error.message}`)
      own.destroy()
    })
    own.on('data', (chunk) => parser.parse(chunk))
    own.on('error', () => undefined) // 'close' follows
    own.on('close', () => {
      clearTimeout(late)
      if (socket === own) lose()
    })
    send({
      cmd: 'connect',
      clientId: name,
      protocolVersion: version,
      username: options.username,
      password: Buffer.from(options.password),
      clean: false,
      keepalive: keepAliveSeconds,
      ...(version === 5
        ? {
            properties: {
              sessionExpiryInterval: sessionExpirySeconds,
              ...(options.receiveMaximum ? { receiveMaximum: options.receiveMaximum } : {}),
            },
          }
        : {}),
    })
  }
  const lose = (): void => {
    socket = undefined
    isOpen = false
    if (!isOver) timer = setTimeout(open, options.pauseMs())
  }
  open()

  return {
    name,
    faults,
    get unanswered() {
      return outgoing.size
    },
    get connections() {
      return connections
    },
    get isOpen() {
      return isOpen && isKnown
    },
    publish({ topic, payload, qos, n }) {
      const id = nextId()
      const message = { n, topic, payload, qos, released: false }
      outgoing.set(id, message)
      if (isOpen) sendPublish(id, message, false)
    },
    cut(reset) {
      const own = socket
      if (!own) return
      lose()
      if (reset) own.resetAndDestroy()
      else own.destroy()
    },
    state() {
      const waiting = [...outgoing].map(
        ([id, { qos, n, released }]) => `${id}: n ${n} QoS ${qos}${released ? ' released' : ''}`,
      )
      return `${name} v${version} ${isOpen ? 'open' : 'closed'}, unanswered [${waiting.slice(0, 5).join(', ')}], not released [${[...received].slice(0, 5).join(', ')}]`
    },
    end() {
      isOver = true
      clearTimeout(timer)
      socket?.destroy()
    },
  }
}
