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
  /** The answer takes the ear away. */
  add(hear: HearMessage): () => void
}

export function createMessageTap(onFault: (error: unknown) => void): MessageTap {
  const ears = new Set<{ hear: HearMessage }>()

  const tap: MessageTap = {
    open: false,
    follow(publisher, target, topic, bytes, how, settle) {
      // It may hold a claim, which is a secret.
      if (target.kind === 'provisioning') return settle
      const told: ((refused: RefusedError | undefined) => void)[] = []
      const message: TappedMessage = {
        from: publisher.principal.id,
        device: deviceOf(target),
        protocol: publisher.protocol,
        topic,
        bytes,
        qos: how.qos ?? 1,
        retain: how.retain ?? false,
      }
      for (const { hear } of ears) {
        try {
          const tell = hear(message)
          if (tell) told.push(tell)
        } catch (error) {
          onFault(error)
        }
      }
      if (told.length === 0) return settle
      return (refused) => {
        settle(refused)
        for (const tell of told) {
          try {
            tell(refused)
          } catch (error) {
            onFault(error)
          }
        }
      }
    },
    add(hear) {
      const ear = { hear }
      ears.add(ear)
      tap.open = true
      return () => {
        ears.delete(ear)
        tap.open = ears.size > 0
      }
    },
  }
  return tap
}

function deviceOf(target: Target): string | undefined {
  if (target.kind === 'telemetry') return target.source.ingest.device
  return 'ingest' in target ? target.ingest.device : undefined
}
