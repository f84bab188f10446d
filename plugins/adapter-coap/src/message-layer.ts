import type { Log } from '@patchbay/sdk'
import { answer, type Answer, fault, toRefusalAnswer } from './answer.ts'
import type { Endpoint } from './endpoint.ts'
import { refuse } from './errors.ts'
import { createExchanges, type Exchange } from './exchanges.ts'
import { limits } from './limits.ts'
import { isRequest, type Message, readHead, readMessage, writeEmpty, writeMessage } from './message.ts'
import { createOutbox, type Outcome } from './outbox.ts'

export interface MessageLayerOptions {
  now: () => number
  random: () => number
  log: Log
  /** Answers a request, undefined = not at all; a rejection is a fault. `size` is that of its datagram. */
  onRequest(message: Message, size: number, endpoint: Endpoint): Promise<Answer | undefined>
  /** Something that was no request came from the endpoint. */
  onHeard(endpoint: Endpoint): void
}

/** Messages and their reliability: RFC 7252, section 4. */
export function createMessageLayer({ now, random, log, onRequest, onHeard }: MessageLayerOptions) {
  const exchanges = createExchanges(now)
  const outbox = createOutbox(random)
  const underWay = new Map<string, number>()
  let allUnderWay = 0
  let closed = false
  // "strongly recommended that the initial value of the variable be randomized"; one counter for all endpoints is as unique as one for each.
  let messageId = Math.floor(random() * 65_536)
  const nextMessageId = () => (messageId = (messageId + 1) & 0xffff)

  const enter = (key: string): boolean => {
    const mine = underWay.get(key) ?? 0
    if (mine >= limits.requestsUnderWayPerEndpoint || allUnderWay >= limits.requestsUnderWay) return false
    underWay.set(key, mine + 1)
    allUnderWay++
    return true
  }
  const leave = (key: string): void => {
    allUnderWay--
    const left = (underWay.get(key) ?? 1) - 1
    if (left === 0) underWay.delete(key)
    else underWay.set(key, left)
  }

  /** Sends a response by itself, again until it is acknowledged. */
  const sendSeparate = (endpoint: Endpoint, token: Buffer, response: Answer): Promise<Outcome> => {
    const id = nextMessageId()
    return outbox.send(endpoint, id, writeMessage({ type: 'con', messageId: id, token, ...response }))
  }

  async function serve(message: Message, size: number, endpoint: Endpoint, exchange: Exchange): Promise<void> {
    const { token } = message
    let separate = false
    const acknowledge = () => {
      // "the server (…) can simply respond with an Empty message" and sends the response later (section 5.2.2)
      separate = true
      exchange.reply = writeEmpty('ack', message.messageId)
      endpoint.send(exchange.reply)
    }
    const timer = message.type === 'con' ? setTimeout(acknowledge, limits.separateAfterMs).unref() : undefined
    let made: Answer | undefined
    try {
      made = await onRequest(message, size, endpoint)
    } catch (error) {
      log.error('a request failed', { error })
      made = fault()
    }
    clearTimeout(timer)
    if (closed || !made) return
    if (separate) {
      void sendSeparate(endpoint, token, made)
      return
    }
    // "A response to a Non-confirmable request SHOULD be returned in a Non-confirmable message" (section 5.2.3)
    const head =
      message.type === 'con'
        ? ({ type: 'ack', messageId: message.messageId } as const)
        : ({ type: 'non', messageId: nextMessageId() } as const)
    const bytes = writeMessage({ ...head, token, ...made })
    if (message.type === 'con') exchange.reply = isBare(made) ? made.code : bytes
    endpoint.send(bytes)
  }

  function request(message: Message, size: number, endpoint: Endpoint): void {
    const { exchange, isNew } = exchanges.meet(endpoint.key, message.messageId)
    if (!isNew) {
      if (message.type === 'con' && exchange.reply) endpoint.send(toReply(exchange.reply, message))
      return
    }
    if (!enter(endpoint.key)) {
      if (message.type !== 'con') return
      const { token, messageId: id } = message
      exchange.reply = writeMessage({ type: 'ack', messageId: id, token, ...toRefusalAnswer(refuse('COAP_BUSY')) })
      endpoint.send(exchange.reply)
      return
    }
    serve(message, size, endpoint, exchange)
      .catch((error: unknown) => log.warn('a response could not be sent', { error }))
      .finally(() => leave(endpoint.key))
  }

  return {
    /** Takes one datagram. */
    receive(bytes: Buffer, endpoint: Endpoint): void {
      if (closed) return
      const message = readMessage(bytes)
      if (!message) return
      if (message === 'malformed') {
        // "rejecting a Confirmable message is effected by sending a matching Reset message" (section 4.2)
        const head = readHead(bytes)
        if (head.type === 'con') endpoint.send(writeEmpty('rst', head.messageId))
        return
      }
      const { type, code } = message
      if (type === 'ack' || type === 'rst') {
        outbox.settle(endpoint.key, message.messageId, type === 'ack' ? 'acknowledged' : 'reset')
        onHeard(endpoint)
      } else if (isRequest(code)) request(message, bytes.length, endpoint)
      else if (type === 'con') {
        // An empty one is a ping (section 4.3); a response that nobody has asked for is rejected in the same way.
        endpoint.send(writeEmpty('rst', message.messageId))
        onHeard(endpoint)
      }
    },
    /** Sends a notification. Throws Refused when too many wait. */
    sendConfirmable: sendSeparate,
    /** Asks whether the endpoint is there: any outcome but `lost` says so. */
    ping(endpoint: Endpoint): Promise<Outcome> {
      const id = nextMessageId()
      return outbox.send(endpoint, id, writeEmpty('con', id))
    },
    /** The endpoint is gone: nothing waits for it any more. */
    drop: (endpoint: string) => outbox.drop(endpoint),
    sweep: () => exchanges.sweep(),
    close(): void {
      closed = true
      outbox.close()
      exchanges.clear()
    },
    sizes: () => ({ exchanges: exchanges.size, outbox: outbox.size, underWay: allUnderWay }),
  }
}

const isBare = ({ options, payload }: Answer): boolean => options.length === 0 && payload.length === 0

const toReply = (reply: Buffer | string, { messageId, token }: Message): Buffer =>
  typeof reply === 'string' ? writeMessage({ type: 'ack', messageId, token, ...answer(reply) }) : reply

export type MessageLayer = ReturnType<typeof createMessageLayer>
