import { HostError } from '../errors.ts'
import { createInbox, type InboxLimits } from './inbox.ts'
import type { Intake } from './intake.ts'
import { createFrameReceipts } from './frame-window.ts'
import { createOutbox } from './outbox.ts'
import { type Entry, type Frame, lengthOf } from './wire.ts'
import { fromWireError, toBareWireError, toWireError } from './wire-error.ts'

/** Sends frames to the other side and hears those of it. */
export interface Transport {
  send(frame: Frame): void
  /** Called once, before anything is sent. */
  receive(hear: (frame: Frame) => void): void
}

/** Calls of one side that the other has not answered. */
export const maxCalls = 10_000
export const maxCallBytes = 32 * 1024 * 1024
/** Characters of their JSON: less than the host lets wait, so that only code round the SDK gets there. */
export const maxCallText = 4 * 1024 * 1024

const none: readonly Uint8Array[] = []

/** Asked even when too much waits: what is busy does not hang. */
export const pingOp = 'ping'
/** The host tells how many frames it has looked at. */
const lookedOp = 'looked'

export interface Reply {
  value: unknown
  bytes: readonly Uint8Array[]
}

/** What one side asks of the other. An answer may carry bytes. */
export type Handler = (value: unknown, bytes: readonly Uint8Array[]) => unknown

/** An answer that carries bytes. */
export class WithBytes {
  readonly value: unknown
  readonly bytes: readonly Uint8Array[]
  constructor(value: unknown, bytes: readonly Uint8Array[]) {
    this.value = value
    this.bytes = bytes
  }
}

export interface Channel {
  /** Rejects with the other side's error; with PLUGIN_LIMIT when too much waits already. */
  call(op: string, value?: unknown, bytes?: readonly Uint8Array[]): Promise<Reply>
  /** Throws what cannot be sent. */
  cast(op: string, value?: unknown, bytes?: readonly Uint8Array[]): void
  /** Says something that must not wait behind what was said before. */
  castFirst(op: string, value?: unknown): void
  /** So much waits already that what may get lost is better not sent. */
  readonly crowded: boolean
  /** Batches of the other side that came, and those of them that were looked at. */
  readonly arrived: number
  readonly done: number
  /** Rejects all that waits, and drops what comes later. */
  close(error: Error): void
}

export interface ChannelOptions {
  transport: Transport
  handlers: ReadonlyMap<string, Handler>
  /** A frame that cannot be read, more calls than permitted, a cast whose handler threw. */
  broken(error: Error): void
  /** A guest waits while it is too far ahead of the host. */
  paced?: boolean
  /** How the host takes what a guest sends, whose code may go round the SDK. */
  untrusted?: InboxLimits & { intake: Intake }
}

interface Waiting {
  resolve(reply: Reply): void
  reject(error: Error): void
  bytes: number
  text: number
}

/** The one message protocol between host and guest: the same on both sides, over a worker's port or a process's pipe. */
export function createChannel(options: ChannelOptions): Channel {
  const { transport, handlers } = options
  const waiting = new Map<number, Waiting>()
  const { untrusted } = options
  const outbox = createOutbox(transport.send, options.paced ?? false)
  let nextId = 1
  let waitingBytes = 0
  let waitingText = 0
  let underWay = 0
  let underWayBytes = 0
  let closed: Error | undefined
  // Made once: a plugin that asks a million times too often must not wait for a million stacks.
  let full: HostError | undefined

  const post = (entry: Entry): number => (closed ? 0 : outbox.post(entry))
  const breakWith = (error: unknown): void => {
    if (!closed) options.broken(error instanceof Error ? error : new HostError('PLUGIN_PROTOCOL'))
  }

  const answer = async (handler: Handler | undefined, entry: Entry, size: number): Promise<void> => {
    try {
      if (!handler) throw new HostError('PLUGIN_PROTOCOL', `Nothing is called ${entry.op.slice(0, 64)}.`)
      const result = await handler(entry.value, entry.bytes)
      const carries = result instanceof WithBytes
      const said: Entry = {
        kind: 'ok',
        id: entry.id,
        op: '',
        value: carries ? result.value : result,
        bytes: carries ? result.bytes : none,
      }
      // Behind a flood it would be taken for missing.
      if (entry.op === pingOp && !closed) outbox.postFirst(said)
      else post(said)
    } catch (error) {
      post({
        kind: 'no',
        id: entry.id,
        op: '',
        value: untrusted ? toBareWireError(error) : toWireError(error),
        bytes: none,
      })
    } finally {
      underWay -= 1
      underWayBytes -= size
    }
  }

  const settle = (entry: Entry): void => {
    const found = waiting.get(entry.id)
    if (!found) return
    waiting.delete(entry.id)
    waitingBytes -= found.bytes
    waitingText -= found.text
    if (entry.kind === 'ok') found.resolve({ value: entry.value, bytes: entry.bytes })
    else found.reject(fromWireError(entry.value))
  }

  const take = (entry: Entry): void => {
    if (entry.kind === 'ok' || entry.kind === 'no') return settle(entry)
    const handler = handlers.get(entry.op)
    if (entry.kind === 'cast') {
      if (options.paced && entry.op === lookedOp) return outbox.looked(Number(entry.value))
      return void handler?.(entry.value, entry.bytes)
    }
    const size = lengthOf(entry.bytes)
    underWay += 1
    underWayBytes += size
    // And the ping.
    if (underWay > maxCalls + 1 || underWayBytes > maxCallBytes)
      throw new HostError('PLUGIN_LIMIT', `More than ${maxCalls} calls, or ${maxCallBytes} bytes, wait for the host.`)
    void answer(handler, entry, size)
  }

  const receipts = createFrameReceipts((frames) =>
    post({ kind: 'cast', id: 0, op: lookedOp, value: frames, bytes: none }),
  )
  const inbox = createInbox(take, untrusted && { limits: untrusted, looked: receipts.looked })
  let goingOn: NodeJS.Timeout | undefined
  const lane = untrusted?.intake.open({
    get waiting() {
      return !closed && inbox.waiting
    },
    take(most) {
      try {
        const taken = closed ? 0 : inbox.take(most)
        if (inbox.pausedMs > 0) goingOn ??= setTimeout(goOn, inbox.pausedMs)
        return taken
      } catch (error) {
        breakWith(error)
        return most
      }
    },
  })
  const goOn = (): void => {
    goingOn = undefined
    if (!closed) lane?.wake()
  }
  transport.receive((frame) => {
    if (closed) return
    try {
      inbox.add(frame)
      if (lane) lane.wake()
      else inbox.take(Infinity)
    } catch (error) {
      breakWith(error)
    }
  })

  return {
    call(op, value, bytes = none) {
      const size = lengthOf(bytes)
      if (closed) return Promise.reject(closed)
      const isFull = waiting.size >= maxCalls || waitingBytes + size > maxCallBytes || waitingText >= maxCallText
      if (isFull && op !== pingOp)
        return Promise.reject(
          (full ??= new HostError(
            'PLUGIN_LIMIT',
            `${maxCalls} calls, ${maxCallBytes} bytes, or ${maxCallText} characters, wait for an answer already.`,
          )),
        )
      const id = nextId
      nextId += 1
      return new Promise((resolve, reject) => {
        const entry = { resolve, reject, bytes: size, text: 0 }
        waiting.set(id, entry)
        waitingBytes += size
        try {
          entry.text = post({ kind: 'call', id, op, value, bytes })
          waitingText += entry.text
        } catch (error) {
          waiting.delete(id)
          waitingBytes -= size
          throw error
        }
      })
    },
    cast(op, value, bytes = none) {
      post({ kind: 'cast', id: 0, op, value, bytes })
    },
    castFirst(op, value) {
      if (!closed) outbox.postFirst({ kind: 'cast', id: 0, op, value, bytes: none })
    },
    get crowded() {
      return outbox.crowded
    },
    get arrived() {
      return inbox.arrived
    },
    get done() {
      return inbox.done
    },
    close(error) {
      if (closed) return
      outbox.flush()
      closed = error
      clearTimeout(goingOn)
      lane?.close()
      inbox.clear()
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    },
  }
}
