import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js'
import { type Delivery, isCommandTo, type Log, type RefusedError, type Session } from '@patchbay/sdk'
import { refuse } from './errors.ts'
import { asRefused, type Gate } from './gate.ts'
import type { Grpc } from './library.ts'
import { toFilters } from './messages.ts'
import type { OpenCalls } from './open-calls.ts'
import { endings, status, toStatus } from './refusal-words.ts'

export interface SubscribeOptions {
  grpc: Grpc
  gate: Gate
  calls: OpenCalls
  decode: (bytes: Buffer) => unknown
  maxWaitingBytes: number
  record: (session: Session, refused: RefusedError) => void
  log: Log
}

/** `Subscribe`: messages until somebody ends it. Answered by headers as soon as all its filters stand. */
export function createSubscribe(options: SubscribeOptions): handleServerStreamingCall<unknown, unknown> {
  return (call) => void follow(options, call)
}

async function follow(options: SubscribeOptions, call: ServerWritableStream<unknown, unknown>): Promise<void> {
  const { grpc, gate, calls, decode, maxWaitingBytes, record, log } = options
  let waitingBytes = 0
  let over = false
  const leave = calls.enter({ finish: () => end({ code: status.unavailable, details: 'The adapter stops.' }) })

  function end(why: { code: number; details: string }): void {
    if (over) return
    over = true
    leave()
    if (why.code === status.ok) call.end()
    else call.emit('error', why)
  }
  call.on('cancelled', () => {
    over = true
    leave()
  })

  /** Resolves when the connection has taken it; the client's flow control may keep it waiting. */
  function deliver(session: Session, message: Delivery): void | Promise<void> {
    const command = isCommandTo(session, message.topic)
    if (!over && waitingBytes > maxWaitingBytes) {
      // At QoS 0 a copy may be shed; another one would be missed by a client that goes on.
      if (message.qos === 0) return undefined
      const refused = refuse('GRPC_READS_TOO_SLOWLY')
      record(session, refused)
      end(toStatus(refused))
    }
    if (over) {
      if (command) throw refuse('GRPC_CALL_GONE')
      return undefined
    }
    const bytes = message.bytes.length + message.topic.length
    waitingBytes += bytes
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        if (command) reject(refuse('GRPC_CALL_GONE'))
        else resolve()
      }
      call.once('cancelled', gone)
      call.write({ topic: message.topic, payload: message.bytes, id: '0' }, () => {
        waitingBytes -= bytes
        call.off('cancelled', gone)
        resolve()
      })
    })
  }

  try {
    const filters = toFilters(decode, call.request)
    const session = gate.sessionOf(call.metadata)
    session.onEnd((why) => end(endings[why]))
    for (const filter of filters) await session.subscribe(filter, (message) => deliver(session, message), { qos: 1 })
    if (!over) call.sendMetadata(new grpc.Metadata())
  } catch (error) {
    end(toStatus(asRefused(error, log)))
  }
}
