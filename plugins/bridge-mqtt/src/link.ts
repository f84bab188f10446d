import { NotReady } from '@patchbay/sdk'
import type { ISubscription, Packet } from 'mqtt-packet'
import { createInbox, type Inbox, type Verdict } from './inbox.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { isVersionRefused, type Login, LoginRefused, openWire, type Wire, type WireTarget } from './wire.ts'
import type { IPublishPacket } from 'mqtt-packet'

/** Between connections; the last one repeats. */
const backOffMs = [200, 500, 1000, 2000, 5000, 10_000]
/** A login that was refused is not tried again at once: brokers ban those who hammer. */
const refusedMs = 10_000
/** After the platform could not take a message. */
const laterMs = 1000
const subscribeMs = 10_000

export interface LinkOptions {
  readonly target: WireTarget
  /** Made for each connection: a token in it may have an end, at which the connection is exchanged before. */
  readonly login: () => Login & { readonly renewAfterMs?: number }
  /** In so many packets: some brokers take few filters at once. */
  readonly subscriptions: readonly ISubscription[]
  readonly filtersAtOnce: number
  readonly publishesPerSecond?: number
  /** The number of this run of the instance, one more each time. */
  readonly run?: number
  /** Published at each connection, at QoS 0. */
  readonly greetings?: readonly { readonly topic: string; readonly payload: string }[]
  readonly take: (packet: IPublishPacket) => Promise<Verdict>
  /** Undefined: connected. */
  readonly hear: (trouble: string | undefined) => void
  readonly signal: AbortSignal
}

/** A connection to a broker that is made again and again. */
export interface Link {
  readonly outbox: Outbox
  readonly wire: Wire | undefined
  /** Why there is none. */
  readonly trouble: string
  /** Resolves when there is a connection; rejects when the signal aborts. */
  connected(signal: AbortSignal): Promise<void>
  /** Resolves when the first try has come to an end. */
  readonly tried: Promise<void>
  close(): Promise<void>
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Subscribes, and says which filters were refused. */
export async function subscribe(
  wire: Wire,
  subscriptions: readonly ISubscription[],
  atOnce: number,
  hear: (packet: Packet) => void,
): Promise<{ refused: string[]; granted: number[] }> {
  const refused: string[] = []
  const granted: number[] = []
  for (let from = 0; from < subscriptions.length; from += atOnce) {
    const part = subscriptions.slice(from, from + atOnce)
    const answer = await new Promise<readonly unknown[]>((resolve, reject) => {
      const late = setTimeout(() => reject(new NotReady('The broker did not answer a subscription.')), subscribeMs)
      void wire.ended.then((why) => {
        clearTimeout(late)
        reject(why)
      })
      wire.onPacket((packet) => {
        if (packet.cmd !== 'suback') return hear(packet)
        clearTimeout(late)
        resolve(packet.granted)
      })
      // Far from the ids of publishes, which are the outbox's; the broker keeps both apart by the kind of packet.
      wire.send({ cmd: 'subscribe', messageId: from + 1, subscriptions: [...part] })
    })
    for (const [index, { topic }] of part.entries()) {
      const code = Number(answer[index])
      if (code >= 0x80) refused.push(topic)
      else granted.push(code)
    }
  }
  wire.onPacket(hear)
  return { refused, granted }
}

export function openLink(options: LinkOptions): Link {
  const { target, hear } = options
  const stop = new AbortController()
  const outbox = createOutbox(options)
  const tried = Promise.withResolvers<void>()
  let waitMs: number | undefined
  let wire: Wire | undefined
  let trouble = 'The first connection is being made.'
  let version: 4 | 5 | undefined
  let up = Promise.withResolvers<void>()
  const inbox: Inbox = createInbox({
    take: options.take,
    later() {
      waitMs = laterMs
      wire?.end(new NotReady('The platform cannot take messages now; they are asked for again.'))
    },
  })

  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        stop.signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      stop.signal.addEventListener('abort', done, { once: true })
      if (stop.signal.aborted) done()
    })
  const tell = (why: string | undefined): void => {
    trouble = why ?? ''
    if (!stop.signal.aborted) hear(why)
    tried.resolve()
  }

  async function exchange(of: Wire, afterMs: number): Promise<void> {
    await Promise.race([rest(afterMs), of.ended])
    if (wire !== of || stop.signal.aborted) return
    // What is under way goes on in the next connection, whose session is the same.
    waitMs = 0
    of.send({ cmd: 'disconnect' }, () => of.end(new NotReady('The connection is exchanged.')))
  }

  async function once(): Promise<Error> {
    const { renewAfterMs, ...login } = options.login()
    const next = await openWire(target, version === undefined ? login : { ...login, version }, stop.signal)
    const resumed = next.connack.sessionPresent
    inbox.attach(next, resumed)
    const listen = (packet: Packet): void => {
      outbox.hear(packet)
      inbox.hear(packet)
    }
    // What waits for this side at the broker may come before the answer to a subscription.
    next.onPacket(listen)
    const { refused } = await subscribe(next, options.subscriptions, options.filtersAtOnce, listen)
    for (const greeting of options.greetings ?? [])
      next.send({ cmd: 'publish', qos: 0, dup: false, retain: false, ...greeting })
    wire = next
    outbox.attach(next, resumed)
    tell(refused.length === 0 ? undefined : `The broker refused the subscription to ${refused.join(', ')}.`)
    up.resolve()
    if (renewAfterMs !== undefined) void exchange(next, renewAfterMs)
    return next.ended
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!stop.signal.aborted) {
      waitMs = undefined
      try {
        const why = await once()
        failures = 0
        if (waitMs !== 0) tell(textOf(why))
      } catch (error) {
        const { version: asked } = options.login()
        if (isVersionRefused(error) && version === undefined && asked === 5) {
          version = 4
          continue
        }
        failures += 1
        tell(textOf(error))
        if (error instanceof LoginRefused) waitMs = refusedMs
      }
      // Who waits for a connection goes on waiting for the same promise.
      if (wire) up = Promise.withResolvers()
      wire = undefined
      outbox.detach()
      const backOff = backOffMs[Math.min(failures, backOffMs.length - 1)] ?? 0
      await rest(waitMs ?? backOff * (0.75 + 0.5 * Math.random()))
    }
  }
  const abort = (): void => stop.abort()
  if (options.signal.aborted) abort()
  options.signal.addEventListener('abort', abort, { once: true })
  const running = run()

  return {
    outbox,
    tried: tried.promise,
    get wire() {
      return wire
    },
    get trouble() {
      return trouble
    },
    connected(signal) {
      if (wire) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const giveUp = (): void => reject(new NotReady(trouble))
        if (signal.aborted) return giveUp()
        signal.addEventListener('abort', giveUp, { once: true })
        void up.promise.then(() => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        })
      })
    },
    async close() {
      stop.abort()
      const last = wire
      if (last) {
        // [MQTT-3.14.4-1] goodbye; a broker that does not hear it is left all the same.
        last.send({ cmd: 'disconnect' }, () => last.end(new NotReady('The bridge stops.')))
        const late = setTimeout(() => last.end(new NotReady('The bridge stops.')), 1000)
        await last.ended
        clearTimeout(late)
      }
      await running
    },
  }
}
