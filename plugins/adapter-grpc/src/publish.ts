import type { handleBidiStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import type { Log, RefusedError, Session } from '@patchbay/sdk'
import type { OpenCalls } from './open-calls.ts'
import { asRefused, type Gate } from './gate.ts'
import { type Ack, type Message, toMessage } from './messages.ts'
import { codeOf, detailOf, endings, status, toStatus } from './refusal-words.ts'

export interface PublishOptions {
  gate: Gate
  calls: OpenCalls
  decode: (bytes: Buffer) => unknown
  maxInFlight: number
  log: Log
}

/** What a message is, where it is no JSON; `content-type` is gRPC's own. */
const payloadType = (metadata: { get(key: string): unknown[] }) => {
  const [type] = metadata.get('payload-type')
  return typeof type === 'string' ? { contentType: type } : {}
}

function push(
  session: Session,
  { topic, payload }: Message,
  more: { contentType?: string },
  settle: (refused: RefusedError | undefined) => void,
): void {
  session.topic(topic).push(payload, { qos: 1, ...more }, settle)
}

const toAck = (id: string, refused?: RefusedError): Ack =>
  refused ? { id, code: codeOf(refused), detail: detailOf(refused) } : { id, code: status.ok, detail: '' }

/** `Publish`: OK says that the message is durable. */
export function createPublish({ gate, decode, log }: PublishOptions): handleUnaryCall<unknown, unknown> {
  return (call, answer) => {
    try {
      const message = toMessage(decode, call.request)
      push(gate.sessionOf(call.metadata), message, payloadType(call.metadata), (refused) => {
        if (refused) answer(toStatus(refused))
        else answer(null, toAck(message.id))
      })
    } catch (error) {
      answer(toStatus(asRefused(error, log)))
    }
  }
}

/** `Provision`: the answer to a request that other protocols publish to `provision/request`. */
export function createProvision({ gate, decode, log }: PublishOptions): handleUnaryCall<unknown, unknown> {
  return (call, answer) => {
    const work = async () => {
      const { payload, id } = toMessage(decode, call.request)
      const given = await gate.sessionOf(call.metadata).provision(payload, payloadType(call.metadata))
      return { topic: 'provision/response', payload: given, id }
    }
    work().then(
      (message) => answer(null, message),
      (error: unknown) => answer(toStatus(asRefused(error, log))),
    )
  }
}

/** `PublishStream`: an Ack for each message. Reading waits for the store, and for a client that does not read its Acks. */
export function createPublishStream(options: PublishOptions): handleBidiStreamingCall<unknown, unknown> {
  const { gate, calls, decode, maxInFlight, log } = options
  return (call) => {
    let inFlight = 0
    let ended = false
    let ending: { code: number; details: string } | undefined
    let session: Session
    const leave = calls.enter({ finish: () => close({ code: status.unavailable, details: 'The adapter stops.' }) })

    const isFull = (): boolean => inFlight >= maxInFlight || call.writableNeedDrain
    const goOn = (): void => {
      if (!isFull() && !ending) call.resume()
      if (inFlight > 0 || !(ended || ending)) return
      leave()
      if (ending && ending.code !== status.ok) call.emit('error', ending)
      else call.end()
    }
    /** No more is read; what is in flight is answered. */
    function close(why: { code: number; details: string }): void {
      if (ending || ended) return
      ending = why
      call.pause()
      goOn()
    }
    function answer(id: string, refused?: RefusedError): void {
      inFlight--
      if (!call.destroyed && !call.cancelled) call.write(toAck(id, refused))
      goOn()
    }

    call.on('cancelled', () => {
      ended = true
      leave()
    })
    call.on('drain', goOn)
    call.on('end', () => {
      ended = true
      goOn()
    })
    try {
      session = gate.sessionOf(call.metadata)
    } catch (error) {
      return close(toStatus(asRefused(error, log)))
    }
    session.onEnd((why) => close(endings[why]))
    const more = payloadType(call.metadata)
    call.on('data', (bytes: unknown) => {
      if (ending) return
      inFlight++
      if (isFull()) call.pause()
      try {
        const message = toMessage(decode, bytes)
        push(session, message, more, (refused) => answer(message.id, refused))
      } catch (error) {
        // There is no id to answer to: a client that sends nonsense once does not know what it sends.
        inFlight--
        close(toStatus(asRefused(error, log)))
      }
    })
  }
}
