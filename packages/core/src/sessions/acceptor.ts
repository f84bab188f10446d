import type { Accepted, PublishOptions, RefusedError, Settle } from '@patchbay/contracts/session'
import type { RefusalRecorder } from '../access/port.ts'
import type { Clock } from '../clock.ts'
import type { Commands } from '../commands/commands.ts'
import type { PresenceListener } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import type { Provision } from '../provisioning/port.ts'
import type { Batcher } from '../ingest/batcher.ts'
import type { Decoder, WriteRows } from '../ingest/decode.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import { ingestLimits } from '../ingest/limits.ts'
import { isRefused } from '../refused.ts'
import type { Shadows } from '../shadow/shadows.ts'
import type { Idempotency } from './idempotency.ts'
import type { MessageTap } from './message-tap.ts'
import { sessionLimits } from './limits.ts'
import { parsePayload } from './payload.ts'
import { createProvisioningAnswer } from './provisioning-answer.ts'
import { toNewRefusal, type Publisher } from './publisher.ts'
import type { Relays } from './relays.ts'
import type { SettleLater } from './settle-later.ts'
import type { Target } from './target.ts'

/** Takes a message whose topic is resolved: stores it, passes it on, and settles it. Never settles before it returns. */
export type Accept = (
  publisher: Publisher,
  target: Target,
  topic: string,
  bytes: Uint8Array,
  how: PublishOptions,
  settle: Settle,
) => void

export interface AcceptorOptions {
  batcher: Batcher
  decoder: Decoder
  shadows: Pick<Shadows, 'report'>
  commands: Pick<Commands, 'reply'>
  relays: Relays
  tap: MessageTap
  idempotency: Idempotency
  provision: Provision
  presence: Pick<PresenceListener, 'alive'>
  refusals: RefusalRecorder
  clock: Clock
  settleLater: SettleLater
  onFault: (error: unknown) => void
}

export interface Acceptor {
  accept: Accept
  /** Resolves when nothing is under way beside the batches. */
  drain(): Promise<void>
}

export function createAcceptor(options: AcceptorOptions): Acceptor {
  const { batcher, decoder, shadows, commands, relays, tap, idempotency, presence, refusals, clock, settleLater } =
    options
  const answerProvisioning = createProvisioningAnswer(options.provision)
  let underWay = 0
  const drained: (() => void)[] = []

  function fail(publisher: Publisher, topic: string, error: unknown, settle: Settle): void {
    let refused: RefusedError
    if (isRefused(error)) refused = error
    else {
      options.onFault(error)
      refused = refuse('STORE_UNAVAILABLE', undefined, { cause: error })
    }
    if (refused.reason !== 'unavailable') refusals.record(toNewRefusal(publisher, 'publish', topic, refused))
    settleLater(settle, refused)
  }

  /** After the message is durable: to subscribers and other brokers, then the settle. */
  function passOn(publisher: Publisher, topic: string, bytes: Uint8Array, how: PublishOptions, settle: Settle): Settle {
    if (!relays.hasAudience(how.relayedBy)) return settle
    return (refused) => {
      if (refused) settle(refused)
      else relays.pass(toAccepted(publisher, topic, bytes, how), how.relayedBy, settle)
    }
  }

  const take: Accept = (publisher, target, topic, bytes, how, settle) => {
    if (target.kind === 'telemetry' && !(bytes.length === 0 && how.retain)) {
      const { source } = target
      const { ingest } = source
      const refused = ingest.gone ? refuse('DEVICE_UNKNOWN') : batcher.refuses(ingest, how.qos === 0)
      if (refused) {
        fail(publisher, topic, refused, settle)
        return
      }
      const { columns } = batcher
      const mark = columns.length
      const arrivalBefore = ingest.lastArrival
      let rows: number | Promise<WriteRows>
      try {
        rows = decoder.decode(source, bytes, how.contentType, columns)
      } catch (error) {
        columns.truncate(mark)
        fail(publisher, topic, error, settle)
        return
      }
      if (typeof rows === 'number') store(publisher, ingest, topic, bytes, how, settle, rows, mark, arrivalBefore)
      else void takeLater(publisher, ingest, topic, bytes, how, settle, rows)
      return
    }
    acceptOther(publisher, target, topic, bytes, how, settle)
  }

  /** The rows of a message stand in the columns from `mark` on: they are committed, then the message is passed on. */
  function store(
    publisher: Publisher,
    ingest: DeviceIngest,
    topic: string,
    bytes: Uint8Array,
    how: PublishOptions,
    settle: Settle,
    rows: number,
    mark: number,
    arrivalBefore: number,
  ): void {
    // A reading that was just given its time has asked the clock already.
    const { lastArrival, watch } = ingest
    presence.alive(ingest.device, lastArrival === arrivalBefore ? clock.nowMicros() : lastArrival)
    const done = passOn(publisher, topic, bytes, how, settle)
    if (rows > 0) batcher.add(ingest, watch === undefined ? done : watch.follow(ingest, batcher.columns, mark, done))
    else settleLater(done, undefined)
  }

  /** A message whose codec answers later: it is judged again when its rows are there. */
  async function takeLater(
    publisher: Publisher,
    ingest: DeviceIngest,
    topic: string,
    bytes: Uint8Array,
    how: PublishOptions,
    settle: Settle,
    decoded: Promise<WriteRows>,
  ): Promise<void> {
    const full = underWay >= sessionLimits.messagesUnderWay
    underWay++
    try {
      const write = await decoded
      if (full) throw refuse('INGEST_FULL')
      const refused = ingest.gone ? refuse('DEVICE_UNKNOWN') : batcher.refuses(ingest, how.qos === 0)
      if (refused) throw refused
      const { columns } = batcher
      const mark = columns.length
      const arrivalBefore = ingest.lastArrival
      let rows: number
      try {
        rows = write(columns)
      } catch (error) {
        columns.truncate(mark)
        throw error
      }
      store(publisher, ingest, topic, bytes, how, settle, rows, mark, arrivalBefore)
    } catch (error) {
      fail(publisher, topic, error, settle)
    } finally {
      if (--underWay === 0) for (const resolve of drained.splice(0)) resolve()
    }
  }

  function acceptOther(
    publisher: Publisher,
    target: Target,
    topic: string,
    bytes: Uint8Array,
    how: PublishOptions,
    settle: Settle,
  ): void {
    try {
      if (target.kind === 'refused') throw target.refused
      if (bytes.length > ingestLimits.packetBytes) throw refuse('PAYLOAD_TOO_LARGE')
      if (underWay >= sessionLimits.messagesUnderWay) throw refuse('INGEST_FULL')
      if (target.kind === 'provisioning')
        return void follow(answerProvisioning(publisher, bytes, how), publisher, topic, settle, settle)
      const work = workOf(target, bytes, how)
      const alive = 'ingest' in target ? target.ingest.device : publisher.principal
      if (typeof alive === 'string') presence.alive(alive, clock.nowMicros())
      else if (alive.kind === 'device') presence.alive(alive.id, clock.nowMicros())
      const done = passOn(publisher, topic, bytes, how, settle)
      if (work) void follow(work, publisher, topic, done, settle)
      else settleLater(done, undefined)
    } catch (error) {
      fail(publisher, topic, error, settle)
    }
  }

  async function follow(
    work: Promise<void>,
    publisher: Publisher,
    topic: string,
    done: Settle,
    settle: Settle,
  ): Promise<void> {
    underWay++
    try {
      await work
      settleLater(done, undefined)
    } catch (error) {
      fail(publisher, topic, error, settle)
    } finally {
      if (--underWay === 0) for (const resolve of drained.splice(0)) resolve()
    }
  }

  /** What is to be done before the message may be passed on; parsed at once, so that a bad payload is refused in its turn. */
  function workOf(target: Target, bytes: Uint8Array, how: PublishOptions): Promise<void> | undefined {
    if (bytes.length === 0 && how.retain) return undefined
    if (target.kind !== 'reported' && target.kind !== 'reply') return undefined
    const { ingest } = target
    if (ingest.gone) throw refuse('DEVICE_UNKNOWN')
    const payload = parseDocument(ingest, bytes, how.contentType)
    return target.kind === 'reply'
      ? commands.reply(ingest.device, target.command, payload)
      : shadows.report(ingest.device, payload)
  }

  return {
    accept(publisher, target, topic, bytes, how, settled) {
      const settle = tap.open ? tap.follow(publisher, target, topic, bytes, how, settled) : settled
      const key = how.idempotencyKey
      if (key === undefined || target.kind === 'refused' || target.kind === 'provisioning') {
        take(publisher, target, topic, bytes, how, settle)
        return
      }
      const work = (stored: Settle) => take(publisher, target, topic, bytes, how, stored)
      idempotency.run({ principal: publisher.principal, key, topic, bytes }, work, settle)
    },
    drain: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => drained.push(resolve))),
  }
}

function parseDocument(ingest: DeviceIngest, bytes: Uint8Array, contentType: string | undefined): unknown {
  return parsePayload(bytes, ingest.rules.codec === 'cbor' ? 'application/cbor' : contentType)
}

function toAccepted(publisher: Publisher, topic: string, bytes: Uint8Array, how: PublishOptions): Accepted {
  return {
    topic,
    bytes,
    qos: how.qos ?? 1,
    retain: how.retain ?? false,
    ...(how.properties === undefined ? {} : { properties: how.properties }),
    from: publisher.principal.id,
    protocol: publisher.protocol,
  }
}
