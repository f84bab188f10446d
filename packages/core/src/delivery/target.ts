import type { BridgeMessage } from '@patchbay/contracts/bridge'
import type { DeliverySettings, Selection, SinkRecord } from '@patchbay/contracts/delivery'
import type { MessageLog } from './message-log.ts'
import type { Write } from './port.ts'

/** What every target says of itself. */
export interface AnyTarget<T> {
  /** `plugin/name`. */
  instance: string
  delivery: DeliverySettings
  /** Items that it takes at once; undefined: any number. */
  most: number | undefined
  write: Write<T>
  /** It does not take what it is given; undefined: it does again. */
  trouble: (why: string | undefined) => void
}

/** A sink that has come to life. */
export interface Target extends AnyTarget<SinkRecord> {
  select: Selection
  /** Records of a device keep their order. */
  ordered: boolean
  /** Records are to hold the tags of their devices. */
  tags: boolean
}

/** A bridge that has come to life, and what waits for it. */
export interface MessageTarget extends AnyTarget<BridgeMessage> {
  log: MessageLog
  markOf: (topic: string) => string
}
