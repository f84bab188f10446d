import type { Outlet, Receiver, Subscription } from '../broker-session.ts'
import type { Message, Qos } from '../message.ts'
import type { PackedMessage } from './message-bytes.ts'

/** What a foreign session sends its copies by. */
export interface ForeignWays {
  append(client: string, packed: PackedMessage): Promise<void>
  /** One message goes to a node once, however many of its sessions want it; `direct` names the one that it is for. */
  send(
    life: string,
    message: Message,
    direct?: { client: string; name: string; packed: PackedMessage },
  ): Promise<void> | undefined
}

/** A session that another node holds, or nobody: its filters are known here, and its copies are sent there or put into its queue. */
export class ForeignSession implements Receiver {
  readonly isForeign = true
  readonly name: string
  readonly subscriptions = new Map<string, Subscription>()
  readonly outbound: Outlet
  durable = false
  /** The node that holds it. */
  life: string
  isConnected = true

  constructor(name: string, life: string, ways: ForeignWays) {
    this.name = name
    this.life = life
    const add = (
      message: Message,
      qos: Qos,
      retain: boolean,
      identifiers: readonly number[] | undefined,
      durable: boolean,
      direct?: string,
    ): Promise<void> | undefined => {
      const packed = { message, qos, retain, identifiers }
      if (durable && qos > 0) return ways.append(this.name, packed)
      if (!this.isConnected) return undefined
      return ways.send(
        this.life,
        message,
        direct === undefined ? undefined : { client: this.name, name: direct, packed },
      )
    }
    const isHere = (): boolean => this.isConnected
    this.outbound = {
      add,
      get isAttached() {
        return isHere()
      },
      get isReady() {
        return isHere()
      },
    }
  }
}
