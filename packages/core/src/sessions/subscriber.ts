import type { Delivery, EndReason, Session } from '@patchbay/contracts/session'
import type { Qos } from '@patchbay/contracts/message'
import type { Subject } from '../access/port.ts'

/** One subscription of a live session. */
export interface Subscriber {
  readonly session: {
    readonly id: string
    readonly principal: Session['principal']
    readonly subject: Subject
    end(why: EndReason): void
  }
  readonly filter: string
  readonly from: 'platform' | 'all'
  readonly qos: Qos
  readonly deliver: (message: Delivery) => void | Promise<void>
  /** Deliveries that are not acknowledged yet. */
  waiting: number
  /** False until the commands and the shadow that were open before have gone out: order. */
  started: boolean
  /** Topics whose retained value was replaced while retained values go out to it. */
  newer: Set<string> | undefined
}
