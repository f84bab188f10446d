import { type Delivery, isCommandTo, type RefusedError, type Session } from '@patchbay/sdk'
import type { WebSocket } from 'ws'
import { createCommandAcks } from './command-acks.ts'
import { toDeliveryText } from './delivery-text.ts'
import { refuse } from './errors.ts'
import type { FrameId } from './frame.ts'

export interface OutboxOptions {
  socket: WebSocket
  maxWaitingBytes: number
  /** Ends a connection that does not read. */
  cut: (refused: RefusedError) => void
}

/** What goes to a client: answers and deliveries, never more of them waiting than permitted. */
export function createOutbox({ socket, maxWaitingBytes, cut }: OutboxOptions) {
  const acks = createCommandAcks()
  const isOpen = (): boolean => socket.readyState === socket.OPEN
  const isFull = (): boolean => socket.bufferedAmount > maxWaitingBytes

  function answer(text: string): void {
    if (!isOpen()) return
    if (isFull()) cut(refuse('WS_READS_TOO_SLOWLY'))
    else socket.send(text)
  }

  return {
    ack(id: FrameId | undefined): void {
      if (id !== undefined) answer(`{"ack":${JSON.stringify(id)}}`)
    },
    error(id: FrameId | undefined, { code, message }: RefusedError): void {
      const [named, coded, detail] = [id ?? null, code, message].map((part) => JSON.stringify(part))
      answer(`{"error":${named},"code":${coded},"detail":${detail}}`)
    },
    /** Resolves when the network has taken it; a command, when the client has acknowledged it. */
    deliver(session: Session, message: Delivery): void | Promise<void> {
      const command = isCommandTo(session, message.topic)
      if (isOpen() && isFull()) {
        // At QoS 0 a copy may be shed; another one would be missed by a client that goes on.
        if (message.qos === 0) return undefined
        cut(refuse('WS_READS_TOO_SLOWLY'))
      }
      if (!isOpen()) {
        if (command) throw refuse('WS_CONNECTION_GONE')
        return undefined
      }
      if (!command) return new Promise((resolve) => socket.send(toDeliveryText(message), () => resolve()))
      const { mid, acknowledged } = acks.add()
      socket.send(toDeliveryText(message, mid))
      return acknowledged
    },
    acknowledged: (mid: number): void => acks.settle(mid),
    close: (): void => acks.close(refuse('WS_CONNECTION_GONE')),
  }
}
