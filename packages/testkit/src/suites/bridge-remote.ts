import type { BridgeMessage } from '@patchbay/sdk'

/** A message at the other side. */
export interface RemoteMessage {
  topic: string
  bytes: Uint8Array
}

/** The real system behind a bridge, as its author reaches it: without the bridge. */
export interface BridgeRemote {
  /** A configuration of the bridge that leads here, and lets `outTopic` out and `inTopic` in. */
  config(): Record<string, unknown>
  /** A topic of the platform whose messages go out. */
  readonly outTopic: string
  /** A topic of the platform that `publish` leads to. */
  readonly inTopic: string
  /** What has come here, in the order in which it came. */
  received(): readonly RemoteMessage[]
  /** Sends one to the bridge; resolves when the system has it. `mark` is to come to the bridge with it, where it can carry one. */
  publish(bytes: Uint8Array, mark?: string): Promise<void>
  /** Forgets what it has received. */
  wipe(): Promise<void>
  /** It goes away at once, as by kill -9, and comes back with what it had. Left out: it cannot go away. */
  stop?(): Promise<void>
  start?(): Promise<void>
  close(): Promise<void>
}

/** Messages as the platform hands them over, each with its number as the payload. */
export const toMessages = ({
  topic,
  count,
  from = 0,
  bytes,
}: {
  topic: string
  count: number
  from?: number
  bytes?: (n: number) => Uint8Array
}): BridgeMessage[] =>
  Array.from({ length: count }, (_, index) => {
    const n = from + index
    return {
      id: `queue:${n + 1}`,
      topic,
      bytes: bytes?.(n) ?? Buffer.from(String(n)),
      qos: 1,
      retain: false,
      at: Date.now() * 1000,
      mark: 'mark-of-here',
    }
  })
