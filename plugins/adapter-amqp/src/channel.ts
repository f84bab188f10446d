import { isRefused, type RefusedError } from '@patchbay/sdk'
import { createDispositions } from './dispositions.ts'
import { refuse } from './errors.ts'
import { createIncomingLink, type IncomingLink } from './incoming-link.ts'
import { createOutgoingLink, type OutgoingLink, type OutgoingSide, type Sent, settleModes } from './outgoing-link.ts'
import { words } from './refusal-words.ts'
import { outcomes, writeSource, writeTarget } from './wire/message.ts'
import { codes, type Fields, toFields } from './wire/performative.ts'
import { Violation } from './wire/violation.ts'
import { amqpError, boolean, composite, nothing, text, ubyte, uint, ulong, ushort } from './wire/writer.ts'
import type { WireSide } from './wire-side.ts'

/** Frames that a client may send before we say that more may come. */
const windowFrames = 128
const maxHandle = 255
/** Links of one session. */
const maxLinks = 64
const maxWindow = 0x7fff_ffff
/** Descriptors of a target that is a topic, and of the one that would coordinate transactions. */
const target = 0x29

type Link = IncomingLink | OutgoingLink

export interface Channel {
  frame(fields: Fields, payload: Buffer): void
  /** The network takes bytes again. */
  process(): void
  /** Tells at once what is still to be told. */
  flush(): void
  close(): void
}

/** A session of AMQP: windows, links, and what has become of deliveries. [AMQP 2.5] Its number is the same in both directions. */
export function createChannel(number: number, begin: Fields, wire: WireSide): Channel {
  const links = new Map<number, Link>()
  /** Links that we have ended and the client has not yet. */
  const detached = new Set<number>()
  const unsettled = new Map<number, Sent & { link: OutgoingLink }>()
  const dispositions = createDispositions(number, wire)
  let nextIncoming = begin.mustUint(1)
  let incomingWindow = windowFrames
  let nextOutgoing = 0
  let deliveries = 0
  let window = begin.mustUint(2)
  const side: OutgoingSide = {
    get window() {
      return window
    },
    set window(left) {
      nextOutgoing = (nextOutgoing + window - left) >>> 0
      window = left
    },
    nextDeliveryId: () => deliveries++ >>> 0,
    unsettled: (id, sent) => void unsettled.set(id, sent),
  }

  const write = (code: number, fields: readonly Buffer[]): void => wire.write(number, [composite(code, fields)])

  function sendFlow(handle?: number, drained = false): void {
    const link = handle === undefined ? undefined : links.get(handle)
    const linked =
      handle === undefined || !link
        ? []
        : [uint(handle), uint(link.deliveryCount), uint(link.credit), nothing, boolean(drained)]
    write(codes.flow, [uint(nextIncoming), uint(incomingWindow), uint(nextOutgoing), uint(maxWindow), ...linked])
  }

  function detach(handle: number, refused: RefusedError, condition: string = words[refused.reason].condition): void {
    links.get(handle)?.close()
    detached.add(handle)
    write(codes.detach, [uint(handle), boolean(true), amqpError(condition, refused.message)])
  }

  /** Answers an attach with no terminus, which says that a detach follows. [AMQP 2.6.3] */
  function refuseLink(
    name: string,
    handle: number,
    isReceiver: boolean,
    refused: RefusedError,
    condition?: string,
  ): void {
    const count = isReceiver ? [nothing, nothing, uint(0)] : []
    write(codes.attach, [text(name), uint(handle), boolean(!isReceiver), nothing, nothing, nothing, nothing, ...count])
    detach(handle, refused, condition)
  }

  function attach(fields: Fields): void {
    const name = fields.text(0)
    const handle = fields.mustUint(1)
    if (name === undefined || name.length > 1_024) throw new Violation('amqp:invalid-field', 'A link has no fit name.')
    if (handle > maxHandle || links.has(handle))
      throw new Violation('amqp:not-allowed', `Handle ${handle} is not free.`)
    if (links.size >= maxLinks) return wire.cut(refuse('AMQP_LIMIT'))
    if (fields.boolean(2)) attachReceiver(fields, name, handle)
    else attachSender(fields, name, handle)
  }

  /** The client sends. */
  function attachSender(fields: Fields, name: string, handle: number): void {
    const terminus = toFields(fields.at(6))
    const address = terminus?.text(0)
    const link = createIncomingLink({
      address: address === '' ? undefined : address,
      wire,
      dispositions,
      sendCredit: () => sendFlow(handle),
      detach: (refused, condition) => {
        wire.record('publish', refused, address)
        detach(handle, refused, condition)
      },
    })
    links.set(handle, link)
    if (!terminus || terminus.code !== target) {
      const refused = refuse('AMQP_NO_TOPIC', 'The target of a link is a topic; there are no transactions here.')
      return refuseLink(name, handle, false, refused, 'amqp:not-implemented')
    }
    const size = ulong(wire.config.maxMessageKib * 1024)
    const modes = [ubyte(fields.uint(3) ?? settleModes.mixed), ubyte(0)]
    const termini = [composite(0x28, []), writeTarget(address)]
    write(codes.attach, [
      text(name),
      uint(handle),
      boolean(true),
      ...modes,
      ...termini,
      nothing,
      nothing,
      nothing,
      size,
    ])
    if (!wire.isFinishing) sendFlow(handle)
  }

  /** The client receives. */
  function attachReceiver(fields: Fields, name: string, handle: number): void {
    const filter = toFields(fields.at(5))?.text(0) ?? ''
    const settleMode = fields.uint(3) ?? settleModes.mixed
    const link = createOutgoingLink({ channel: number, handle, settleMode, wire, side })
    links.set(handle, link)
    void subscribe(link, filter, settleMode).then((refused) => {
      // Detached, or the session has ended, in the meantime.
      if (links.get(handle) !== link) return
      if (refused) return refuseLink(name, handle, true, refused)
      const modes = [ubyte(settleMode), ubyte(0)]
      const termini = [writeSource(filter), writeTarget(toFields(fields.at(6))?.text(0))]
      write(codes.attach, [text(name), uint(handle), boolean(false), ...modes, ...termini, nothing, nothing, uint(0)])
      link.attached()
    })
  }

  async function subscribe(link: OutgoingLink, filter: string, mode: number): Promise<RefusedError | undefined> {
    try {
      const qos = mode === settleModes.settled ? 0 : 1
      const added = await wire.session.subscribe(filter, (message) => link.deliver(message), { qos })
      link.subscription = added
      if (![...links.values()].includes(link)) added.close()
      return undefined
    } catch (error) {
      if (isRefused(error)) return error
      wire.log.error('a subscribe failed', { error })
      return refuse('AMQP_STOPPING', undefined, error)
    }
  }

  const linkOf = (handle: number): Link => {
    const link = links.get(handle)
    if (link) return link
    throw new Violation('amqp:not-allowed', `Nothing is attached to handle ${handle}.`)
  }

  function flow(fields: Fields): void {
    // [AMQP 2.5.6] What the peer takes, counted from what it has seen.
    window = ((fields.uint(0) ?? 0) + fields.mustUint(1) - nextOutgoing) % 0x1_0000_0000
    if (window < 0) window = 0
    const handle = fields.uint(4)
    if (handle === undefined) process()
    else {
      const link = linkOf(handle)
      if (link.kind === 'outgoing') {
        link.flow(fields.uint(5) ?? 0, fields.uint(6) ?? 0, fields.boolean(8))
        if (link.drain()) return sendFlow(handle, true)
      }
    }
    if (fields.boolean(9)) sendFlow(handle)
  }

  function transfer(fields: Fields, payload: Buffer): void {
    const link = linkOf(fields.mustUint(0))
    if (link.kind !== 'incoming') throw new Violation('amqp:not-allowed', 'A transfer came on a link that receives.')
    if (incomingWindow === 0) throw new Violation('amqp:not-allowed', 'More frames came than the window permits.')
    incomingWindow--
    nextIncoming = (nextIncoming + 1) >>> 0
    link.transfer(fields, payload)
    if (incomingWindow > windowFrames / 2) return
    incomingWindow = windowFrames
    sendFlow()
  }

  function disposition(fields: Fields): void {
    // About what the client has sent there is nothing to say any more: it was settled with its outcome.
    if (!fields.boolean(0)) return
    const first = fields.mustUint(1)
    const last = fields.uint(2) ?? first
    const settled = fields.boolean(3)
    const outcome = toFields(fields.at(4))?.code
    if (outcome === outcomes.received || (outcome === undefined && !settled)) return
    // The range is the client's own word: only what is open is looked at.
    for (const [id, { resolve, reject }] of unsettled) {
      if ((id - first) >>> 0 > (last - first) >>> 0) continue
      unsettled.delete(id)
      if (outcome === undefined || outcome === outcomes.accepted) resolve()
      else reject(refuse('AMQP_NOT_ACCEPTED'))
      if (!settled) write(codes.disposition, [boolean(false), uint(id), uint(id), boolean(true)])
    }
  }

  function drop(handle: number, link: Link): void {
    links.delete(handle)
    link.close()
    for (const [id, sent] of unsettled) {
      if (sent.link !== link) continue
      unsettled.delete(id)
      sent.reject(refuse('AMQP_CONNECTION_GONE'))
    }
  }

  function onDetach(fields: Fields): void {
    const handle = fields.mustUint(0)
    const link = linkOf(handle)
    const wasDetached = detached.delete(handle)
    drop(handle, link)
    if (!wasDetached) write(codes.detach, [uint(handle), boolean(true)])
  }

  function process(): void {
    for (const [handle, link] of links) {
      if (link.kind !== 'outgoing') continue
      link.process()
      if (link.drain()) sendFlow(handle, true)
    }
  }

  const handlers = new Map<number, (fields: Fields, payload: Buffer) => void>([
    [codes.attach, attach],
    [codes.flow, flow],
    [codes.transfer, transfer],
    [codes.disposition, disposition],
    [codes.detach, onDetach],
  ])

  write(codes.begin, [ushort(number), uint(nextOutgoing), uint(windowFrames), uint(maxWindow), uint(maxHandle)])
  return {
    frame(fields, payload) {
      const handle = handlers.get(fields.code)
      if (!handle) throw new Violation('amqp:not-allowed', `0x${fields.code.toString(16)} is of no use here.`)
      handle(fields, payload)
    },
    process,
    flush: dispositions.flush,
    close() {
      dispositions.close()
      for (const [handle, link] of links) drop(handle, link)
    },
  }
}
