import type { PublishOptions, RefusedError, Settle } from '@patchbay/contracts/session'
import type { Publisher } from './publisher.ts'
import type { Target } from './target.ts'

/** A message as it came in, before it is settled. The bytes are the adapter's: copy what is to be kept. */
export interface TappedMessage {
  /** Device or API key that sent it. */
  from: string
  /** The device it is about, when the topic names one that the sender may publish for. */
  device: string | undefined
  protocol: string
  topic: string
  bytes: Uint8Array
  qos: number
  retain: boolean
}
/** Undefined: not interested. Else told how the message ended. */
export type HearMessage = (message: TappedMessage) => ((refused: RefusedError | undefined) => void) | undefined

/** Lets somebody see the messages that come in. While nobody does, a message costs one comparison. */
export interface MessageTap {
  /** A field and not a getter: it is asked for every message. */
  open: boolean
  follow(
    publisher: Publisher,
    target: Target,
    topic: string,
    bytes: Uint8Array,
    how: PublishOptions,
    settle: Settle,
  ): Settle
  /** One ear; the answer takes it away. */
  add(hear: HearMessage): () => void
}

export function createMessageTap(onFault: (error: unknown) => void): MessageTap {
  let ear: HearMessage | undefined

  const tap: MessageTap = {
    open: false,
    follow(publisher, target, topic, bytes, how, settle) {
      // It may hold a claim, which is a secret.
      if (target.kind === 'provisioning') return settle
      let told: ((refused: RefusedError | undefined) => void) | undefined
      try {
        told = ear?.({
          from: publisher.principal.id,
          device: deviceOf(target),
          protocol: publisher.protocol,
          topic,
          bytes,
          qos: how.qos ?? 1,
          retain: how.retain ?? false,
        })
      } catch (error) {
        onFault(error)
      }
      if (!told) return settle
      const tell = told
      return (refused) => {
        settle(refused)
        try {
          tell(refused)
        } catch (error) {
          onFault(error)
        }
      }
    },
    add(hear) {
      ear = hear
      tap.open = true
      return () => {
        if (ear !== hear) return
        ear = undefined
        tap.open = false
      }
    },
  }
  return tap
}

function deviceOf(target: Target): string | undefined {
  if (target.kind === 'telemetry') return target.source.ingest.device
  return 'ingest' in target ? target.ingest.device : undefined
}
