import type { AdapterRefusal, Log, RefusedError, Session } from '@patchbay/sdk'
import type { AmqpConfig } from './config.ts'

/** What channels and links see of their connection. */
export interface WireSide {
  readonly session: Session
  readonly config: AmqpConfig
  readonly log: Log
  /** The largest frame that the peer takes. */
  readonly peerFrameBytes: number
  /** The network does not take what was written; `process` is called when it does again. */
  readonly isBacklogged: boolean
  /** The adapter stops: no more credit is given. */
  readonly isFinishing: boolean
  write(channel: number, parts: readonly Uint8Array[]): void
  /** Bytes of a client that have not been settled: positive when they come, negative when they go. */
  hold(bytes: number): void
  /** A message of this connection went to the store, or came back. */
  work(messages: number): void
  /** Records a refusal that the adapter made itself. */
  record(action: AdapterRefusal['action'], refused: RefusedError, topic?: string): void
  /** Ends the connection. */
  cut(refused: RefusedError): void
}
