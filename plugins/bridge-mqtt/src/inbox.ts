import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Wire } from './wire.ts'

/** What the platform made of a message: a reason code of MQTT, or `later`: it cannot take it now. */
export type Verdict = number | 'later'

/** Messages on their way in. Each is acknowledged when the platform has it for good, in the order in which they came. */
export interface Inbox {
  attach(wire: Wire, resumed: boolean): void
  hear(packet: Packet): void
}

interface Arrival {
  readonly packet: IPublishPacket
  verdict: number | undefined
}

const notFound = 0x92

export function createInbox({
  take,
  later,
}: {
  take: (packet: IPublishPacket) => Promise<Verdict>
  /** The connection has to be made anew, so that the broker sends again what was not acknowledged. */
  later: () => void
}): Inbox {
  let wire: Wire | undefined
  let arrivals: Arrival[] = []
  /** [MQTT-4.3.3-10] QoS 2 messages that came and whose PUBREL did not, and what becomes of them: one that comes again is not taken again. */
  const held = new Map<number, Promise<Verdict>>()

  const answer = (to: Wire, { packet, verdict = 0 }: Arrival): void => {
    const { qos, messageId } = packet
    if (qos === 0 || messageId === undefined) return
    const more = to.version === 5 && verdict !== 0 ? { reasonCode: verdict } : {}
    if (qos === 1) return to.send({ cmd: 'puback', messageId, ...more })
    // [MQTT-4.3.3-9] a refused one is over with its PUBREC.
    if (to.version === 5 && verdict >= 0x80) held.delete(messageId)
    to.send({ cmd: 'pubrec', messageId, ...more })
  }
  const flush = (to: Wire): void => {
    // [MQTT-4.6.0-2], [MQTT-4.6.0-3]: in the order in which the messages came.
    while (arrivals[0]?.verdict !== undefined) {
      const first = arrivals.shift()
      if (first) answer(to, first)
    }
  }
  const arrive = async (to: Wire, packet: IPublishPacket): Promise<void> => {
    const { qos, messageId = 0 } = packet
    const arrival: Arrival = { packet, verdict: undefined }
    arrivals.push(arrival)
    const taking = (qos === 2 ? held.get(messageId) : undefined) ?? take(packet)
    if (qos === 2) held.set(messageId, taking)
    const verdict = await taking
    if (verdict === 'later') held.delete(messageId)
    // The connection it came by is gone: the broker sends it again, and it must be taken again.
    if (wire !== to) return
    if (verdict === 'later') return later()
    arrival.verdict = verdict
    flush(to)
  }

  return {
    attach(next, resumed) {
      wire = next
      // What was not acknowledged comes again.
      arrivals = []
      if (!resumed) held.clear()
    },
    hear(packet) {
      const to = wire
      if (!to) return
      if (packet.cmd === 'publish') void arrive(to, packet)
      else if (packet.cmd === 'pubrel') {
        const { messageId = 0 } = packet
        const isKnown = held.delete(messageId)
        to.send({ cmd: 'pubcomp', messageId, ...(isKnown || to.version !== 5 ? {} : { reasonCode: notFound }) })
      }
    },
  }
}
