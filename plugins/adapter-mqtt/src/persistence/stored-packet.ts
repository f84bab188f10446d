/** A packet as aedes queues, retains and replays it. */
export interface StoredPacket {
  cmd: string
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  dup?: boolean
  brokerId?: string
  brokerCounter?: number
  messageId?: number | undefined
  properties?: object
  /** Milliseconds since 1970 after which nobody wants it any more. */
  messageExpiry?: number
  /** The publisher, by the name the broker has for it. */
  clientId?: string
  /** No local: set on copies made for a subscription. */
  nl?: boolean
}

/** What of a packet says which one it is. */
export interface PacketName {
  cmd?: string
  messageId?: number | undefined
  brokerId?: string
  brokerCounter?: number
}

export const payloadBytes = (packet: Pick<StoredPacket, 'payload'>): Buffer =>
  typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
