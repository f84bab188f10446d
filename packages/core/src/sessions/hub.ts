import type { LiveSession as LiveSessionShape } from '@patchbay/contracts/device'
import type { Broker, PublishOptions, Retained, Session, Sessions } from '@patchbay/contracts/session'
import type { Authoriser, RefusalRecorder, Subject } from '../access/port.ts'
import type { Clock } from '../clock.ts'
import { createCommands, type Commands } from '../commands/commands.ts'
import type { Authenticator, DeviceEvent, PresenceListener } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import { type ArrivalSlot, createArrivalClock } from '../ingest/arrival-clock.ts'
import { createBatcher, type BatcherStats } from '../ingest/batcher.ts'
import { createDecoder, type Codec } from '../ingest/decode.ts'
import { createDeviceIngestPool } from '../ingest/device-ingest.ts'
import type { HearPoints } from '../ingest/watches.ts'
import type { TypeMisfits } from '../ingest/type-rules.ts'
import { isRefused } from '../refused.ts'
import type { Provision } from '../provisioning/port.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { CommitTap } from '../rules/port.ts'
import { createShadows, type Shadows } from '../shadow/shadows.ts'
import type { TelemetryStore } from '../telemetry/port.ts'
import { createAccessCheck } from './access-check.ts'
import { createAcceptor } from './acceptor.ts'
import { createDirectory, type Directory } from './directory.ts'
import { createEventFollower } from './event-follower.ts'
import type { HubEvent } from './hub-event.ts'
import { createIdempotency } from './idempotency.ts'
import { toDesiredDelivery, toOutlet } from './live-session.ts'
import { createLiveSessions } from './live-sessions.ts'
import { createMessageTap, type HearMessage } from './message-tap.ts'
import { createOpener } from './opener.ts'
import type { OtherNodes } from './other-nodes.ts'
import { toNewRefusal, toRefusalFields } from './publisher.ts'
import { createRelays, type Forwarder, type RelayStats } from './relays.ts'
import type { SessionContext } from './session-context.ts'
import { createSettleLater } from './settle-later.ts'
import { createSteadyPublisher, type SteadyPublisher } from './steady-publisher.ts'
import { createSweeper } from './sweeper.ts'
import { createVisitor, type Caller } from './visitor.ts'

export interface SessionHubOptions {
  authenticator: Authenticator
  authoriser: Authoriser
  registry: RegistryStore
  telemetry: TelemetryStore
  presence: PresenceListener
  refusals: RefusalRecorder
  clock: Clock
  randomId: () => string
  /** Codec plugins by name. */
  codecs?: (name: string) => Codec | undefined
  /** Devices and types; read from the registry when left out. */
  directory?: Directory
  /** An application by the id of its API key, for its will after its session; without it such wills are refused. */
  application?: (id: string) => Promise<Subject | undefined>
  /** Makes devices for sessions of provisioning keys. */
  provision?: Provision
  hear?: (event: HubEvent) => void
  /** Which times this node gives to what comes without one, when it is one of several. */
  arrivalSlot?: ArrivalSlot
  /** The other nodes; undefined: there are none. */
  others?: OtherNodes | undefined
  /** Is told of telemetry as it becomes durable. */
  commitTap?: CommitTap
  /** Something of ours or a plugin's threw where nobody waits for it. */
  onFault?: (error: unknown) => void
}

export interface HubStats {
  sessions: number
  subscriptions: number
  openCommands: number
  ingest: BatcherStats
  relays: RelayStats
  misfits: ReadonlyMap<string, TypeMisfits>
  faults: number
}

/** All sessions of all protocols, and what they stand on. */
export interface SessionHub extends Omit<Sessions, 'preSharedKeys'> {
  /** The answer takes the broker out again. */
  relay(name: string, broker: Broker): () => void
  /** Gives copies of what is accepted to somebody before it is acknowledged. The answer ends it. */
  forward(forwarder: Forwarder): () => void
  /** For who publishes a lot without a session, and keeps the order of it. */
  publisher(caller: Caller): SteadyPublisher
  readonly commands: Omit<Commands, 'start' | 'close'>
  readonly shadows: Shadows
  /** Reads open commands and begins to sweep. Sessions may be opened before. */
  start(): Promise<void>
  live(device: string): LiveSessionShape[]
  /** Tells the values of one device as they become durable, at any node. The answer ends it. */
  watch(device: string, hear: HearPoints): () => void
  /** Shows every message that comes in, at any node. The answer ends it. */
  tap(hear: HearMessage): () => void
  /** Ends one session; false when the device has no such session. */
  disconnect(device: string, session: string): boolean
  /** An API key ended, and so do the sessions that came with it. */
  endApplication(id: string): void
  /** The same for a provisioning key. */
  endProvisioning(key: string): void
  /** Follows what happens to devices, types, credentials and rules. Resolves when kept state is forgotten too. */
  hear(event: DeviceEvent): Promise<void>
  /** Publishes for a person or an API key. Rejects with Refused (recorded). */
  publishAs(caller: Caller, topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>
  retained(query: { filter: string; after?: string; limit: number }): Promise<readonly Retained[]>
  clearRetained(topic: string): Promise<boolean>
  stats(): HubStats
  /** Ends every session, and resolves once all that was accepted is settled. */
  close(): Promise<void>
}

export function createSessionHub(options: SessionHubOptions): SessionHub {
  const { authoriser, registry, telemetry, presence, refusals, clock, others } = options
  const onEvent = options.hear
  const hear =
    others === undefined
      ? onEvent
      : (event: HubEvent): void => {
          onEvent?.(event)
          others.tell(event)
        }
  const directory = options.directory ?? createDirectory(registry)
  let faults = 0
  let epoch = 0
  const onFault = (error: unknown) => {
    faults++
    options.onFault?.(error)
  }

  const settleLater = createSettleLater(onFault)
  const access = createAccessCheck(authoriser)
  const live = createLiveSessions()
  const relays = createRelays({ access, settleLater, onFault, others: others?.subscribers })
  const pool = createDeviceIngestPool(telemetry, onFault)
  const tap = createMessageTap(onFault)
  const decoder = createDecoder({
    arrival: createArrivalClock(clock, options.arrivalSlot),
    nowMicros: () => clock.nowMicros(),
    codecs: (name) => options.codecs?.(name),
  })
  const batcher = createBatcher({ telemetry, clock, onFault, tap: options.commitTap })
  const shadows = createShadows({
    registry,
    publish(device, desired) {
      relays.publish(toDesiredDelivery(device, desired))
      others?.desired(device, desired)
    },
    onChange: hear && ((device) => hear({ kind: 'shadow', device })),
  })
  const commands = createCommands({
    registry,
    clock,
    randomId: options.randomId,
    outlets: function* outlets(device) {
      for (const session of live.of({ kind: 'device', id: device })) {
        for (const each of session.subscriptions) if (each.started) yield toOutlet(session, each)
      }
    },
    publishCopy: (device, delivery) =>
      relays.publish(delivery, ({ session: { principal } }) => principal.kind === 'device' && principal.id === device),
    onChange: hear && ((command) => hear({ kind: 'command', command })),
    onFault,
  })
  const provision: Provision =
    options.provision ??
    (async () => ({ bytes: Buffer.alloc(0), refused: refuse('STORE_UNAVAILABLE', 'Nothing provisions devices here.') }))
  const idempotency = createIdempotency(registry, clock, settleLater)
  const acceptor = createAcceptor({
    batcher,
    decoder,
    shadows,
    commands,
    relays,
    tap,
    idempotency,
    provision,
    presence,
    refusals,
    clock,
    settleLater,
    onFault,
  })

  const context: SessionContext = {
    access,
    authoriser,
    accept: acceptor.accept,
    settleLater,
    clock,
    get epoch() {
      return epoch
    },
    live,
    pool,
    relays,
    commands,
    shadows,
    provision,
    presence,
    refusals,
    onFault,
    async acquireFor(device) {
      const found = await directory.find(device)
      if (!found) throw refuse('DEVICE_UNKNOWN')
      return pool.acquire(device, found.type)
    },
    closed(session) {
      live.remove(session)
      if (session.request) return
      if (session.principal.kind === 'device') presence.sessionClosed(session.principal.id)
      hear?.({ kind: 'sessions', principal: session.principal, what: 'ended', session, why: session.endedBy })
    },
  }
  const opener = createOpener({ ...options, context, hear })
  const follower = createEventFollower({
    context,
    directory,
    endings: opener,
    commands,
    shadows,
    nextEpoch: () => epoch++,
  })
  const visitor = createVisitor(context)
  const sweeper = createSweeper({
    clock,
    onFault,
    works: [(limit) => idempotency.sweep(limit), (limit) => commands.sweep(limit)],
  })

  /** The subject of somebody whose session has gone. */
  async function subjectOf({ kind, id }: Session['principal']): Promise<Subject> {
    const found = kind === 'device' ? await directory.find(id) : undefined
    if (found) return { kind: 'device', id, type: found.device.type, tags: found.device.tags }
    const application = kind === 'application' ? await options.application?.(id) : undefined
    if (application) return application
    throw refuse(kind === 'device' ? 'DEVICE_UNKNOWN' : 'CREDENTIALS_ENDED')
  }

  others?.follow({
    arrive: (message) => relays.arrive(message),
    // its document may have moved on: the version is looked up where it matters
    followCommand: (command) => commands.follow(command, 1),
    publishDesired: (device, desired) => relays.publish(toDesiredDelivery(device, desired)),
    watch: (device, hearPoints) => pool.watch(device, hearPoints),
    tap: (hearMessage) => tap.add(hearMessage),
    hear: (event) => onEvent?.(event),
  })

  return {
    commands,
    shadows,
    open: (peer) => opener.open(peer),
    refuse({ protocol, address, clientId }, { device, action, topic, refused }) {
      refusals.record(toRefusalFields({ device, protocol, address, clientId, action, topic }, refused))
    },
    async publishFor(principal, protocol, topic, bytes, how = {}) {
      const subject = await subjectOf(principal).catch((error: unknown) => {
        const refused = isRefused(error) ? error : refuse('STORE_UNAVAILABLE', undefined, { cause: error })
        const who = { principal, protocol, address: '', clientId: undefined }
        if (refused.reason !== 'unavailable') refusals.record(toNewRefusal(who, 'publish', topic, refused))
        throw refused
      })
      await visitor.publish({ id: principal.id, protocol, address: '', subject }, topic, bytes, how)
    },
    relay: (name, broker) => relays.addBroker(name, broker),
    forward: (forwarder) => relays.addForwarder(forwarder),
    publisher: (caller) => createSteadyPublisher(context, caller),
    async start() {
      await commands.start()
      sweeper.start()
    },
    live(device) {
      return [...live.of({ kind: 'device', id: device })].map((session) => ({
        id: session.id,
        protocol: session.protocol,
        address: session.address,
        ...(session.clientId === undefined ? {} : { clientId: session.clientId }),
        since: new Date(session.sinceMicros / 1000).toISOString(),
        subscriptions: [...session.subscriptions].map(({ filter }) => filter),
      }))
    },
    watch(device, hearPoints) {
      const ends = [pool.watch(device, hearPoints), others?.watch(device, hearPoints)]
      return () => {
        for (const end of ends) end?.()
      }
    },
    tap(hearMessage) {
      const ends = [tap.add(hearMessage), others?.tap(hearMessage)]
      return () => {
        for (const end of ends) end?.()
      }
    },
    disconnect(device, id) {
      for (const session of live.of({ kind: 'device', id: device })) {
        if (session.id !== id) continue
        session.end('disconnected')
        return true
      }
      return false
    },
    endApplication(id) {
      for (const session of live.withRequestsOf({ kind: 'application', id })) session.end('revoked')
    },
    endProvisioning(key) {
      opener.ended()
      for (const session of live.withRequestsOf({ kind: 'provisioning', id: key })) session.end('revoked')
    },
    hear: (event) => follower.hear(event),
    publishAs: (caller, topic, bytes, how) => visitor.publish(caller, topic, bytes, how),
    retained: (query) => relays.retained(query),
    clearRetained: (topic) => relays.clearRetained(topic),
    stats: () => ({
      sessions: live.size,
      subscriptions: relays.subscriptions,
      openCommands: commands.open(),
      ingest: batcher.stats(),
      relays: relays.stats(),
      misfits: pool.misfits(),
      faults,
    }),
    async close() {
      opener.close()
      sweeper.close()
      for (const session of live.all()) session.end('shutdown')
      commands.close()
      await batcher.drain()
      await acceptor.drain()
      await idempotency.drain()
      pool.close()
    },
  }
}
