import type { Command, NewCommand } from '@patchbay/contracts/command'
import type { TakenCommand } from '@patchbay/contracts/session'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import { createCommandIds } from './command-ids.ts'
import { isEnded, movesForward, toBody, toCommand, toDocumentId } from './command-record.ts'
import { answerReply } from './command-reply.ts'
import { topics } from '../topic.ts'
import { checkParams } from './command-value.ts'
import { createDeadlines } from './deadlines.ts'
import { toDelivery, type CommandOutlet } from './delivery.ts'
import { commandLimits } from './limits.ts'
import { createOpenCommands, type OpenCommand } from './open-commands.ts'
import { createPolls } from './polls.ts'

export interface CommandPage {
  items: Command[]
  nextCursor?: string
}

/** Commands to devices: at least once, every state durable before anybody is told of it. */
export interface Commands {
  /** Reads the open commands from the registry and starts their clocks. */
  start(): Promise<void>
  create(device: string, command: NewCommand): Promise<Command>
  get(device: string, id: string): Promise<Command>
  /** Newest first. */
  list(device: string, query: { limit: number; cursor?: string }): Promise<CommandPage>
  cancel(device: string, id: string): Promise<Command>
  /** A device's own session subscribed: everything open goes out again, in order, once per session. */
  deliverOpen(device: string, outlet: CommandOutlet): void
  /** Long poll: what was taken by the poll before this one is delivered now. Abort `signal` also when the answer was not written. */
  take(device: string, how: { waitMs: number; signal: AbortSignal }): Promise<readonly TakenCommand[]>
  /** The reply of a device; rejects with `Refused`. */
  reply(device: string, id: string, payload: unknown): Promise<void>
  /** Another node has made it or moved it on; `stored` is the version that its document may have. */
  follow(command: Command, stored: number): void
  /** The device is gone and its commands with it. */
  forget(device: string): Promise<void>
  /** Deletes history that is older than permitted; answers how many went. */
  sweep(limit: number): Promise<number>
  open(): number
  close(): void
}

export interface CommandsOptions {
  registry: RegistryStore
  clock: Clock
  randomId: () => string
  /** The live subscriptions of the device's own sessions. */
  outlets: (device: string) => Iterable<CommandOutlet>
  /** Copies for applications that watch the topic; without effect on the state. */
  publishCopy: (device: string, delivery: ReturnType<typeof toDelivery>) => void
  onChange?: ((command: Command) => void) | undefined
  /** A state could not be written down; it stays as it was and is tried again with the next event. */
  onFault: (error: unknown) => void
}

const loadPage = 500

export function createCommands(options: CommandsOptions): Commands {
  const { registry, clock, outlets, publishCopy, onFault } = options
  const nextId = createCommandIds(() => clock.nowMicros(), options.randomId)
  const open = createOpenCommands(registry, (command) => options.onChange?.(command))
  const polls = createPolls(clock)
  const deadlines = createDeadlines<OpenCommand>(clock, expire)
  /** Commands given by a device's last poll. */
  const polled = new Map<string, Set<OpenCommand>>()
  const creating = new Map<string, number>()

  const isoNow = () => new Date(clock.nowMicros() / 1000).toISOString()

  function expire(command: OpenCommand): void {
    if (command.ended) return
    open.move(command, 'expired', { endedAt: isoNow() }).catch((error: unknown) => {
      onFault(error)
      // The store is away: the command stays open, so look again soon.
      deadlines.add(clock.nowMicros() + 1_000_000, command)
    })
  }

  function add(command: Command, stored: number): OpenCommand {
    const added = open.add(command, stored)
    deadlines.add(Date.parse(command.expiresAt) * 1000, added)
    return added
  }

  /** Hands one command to one session; it counts as sent once deliver was called, as delivered once that resolved. */
  function hand(command: OpenCommand, outlet: CommandOutlet): void {
    if (command.ended || command.givenTo.has(outlet.session)) return
    if (!outlet.accepts(topics.command(command.command.device, command.command.id))) return
    command.givenTo.add(outlet.session)
    void follow(command, outlet)
  }

  async function follow(command: OpenCommand, outlet: CommandOutlet): Promise<void> {
    let sent: Promise<boolean> | undefined
    try {
      const delivered = outlet.deliver(toDelivery(command))
      sent = open.move(command, 'sent', { sentAt: isoNow() })
      // Both are under way; a failing write must not become an unhandled rejection while the client takes its time.
      sent.catch(onFault)
      await delivered
    } catch {
      // The client did not take it; it is handed out again with the device's next subscription.
      command.givenTo.delete(outlet.session)
      return
    }
    try {
      await open.move(command, 'delivered', { deliveredAt: isoNow() })
    } catch (error) {
      command.givenTo.delete(outlet.session)
      onFault(error)
    }
  }

  function takeNow(device: string): OpenCommand[] {
    const given = polled.get(device)
    return open.of(device).filter((each) => each.command.state !== 'delivered' && !given?.has(each))
  }

  async function confirmPolled(device: string): Promise<void> {
    const given = polled.get(device)
    if (!given) return
    polled.delete(device)
    const deliveredAt = isoNow()
    await Promise.all([...given].map((each) => open.move(each, 'delivered', { deliveredAt })))
  }

  async function find(device: string, id: string): Promise<Command | undefined> {
    const live = open.find(device, id)
    if (live) return live.command
    const found = await registry.get('commands', toDocumentId(device, id))
    return found && toCommand(found.body)
  }

  return {
    async start() {
      let cursor: string | undefined
      do {
        const page = await registry.list('commands', {
          where: { open: true },
          sort: { by: 'id' },
          limit: loadPage,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const { body, version } of page.items) {
          const command = toCommand(body)
          if (command && !isEnded(command.state) && !open.find(command.device, command.id)) add(command, version)
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },

    async create(device, { name, params, timeoutSeconds = commandLimits.defaultTimeoutSeconds }) {
      checkParams(params)
      const pending = creating.get(device) ?? 0
      if (open.of(device).length + pending >= commandLimits.openPerDevice || open.size >= commandLimits.openInAll) {
        throw new DomainError('LIMIT_REACHED', `The device has ${commandLimits.openPerDevice} open commands already.`)
      }
      const now = clock.nowMicros()
      const command: Command = {
        id: nextId(),
        device,
        name,
        ...(params === undefined ? {} : { params }),
        state: 'queued',
        createdAt: new Date(now / 1000).toISOString(),
        expiresAt: new Date(now / 1000 + timeoutSeconds * 1000).toISOString(),
      }
      creating.set(device, pending + 1)
      try {
        const put = await registry.put('commands', toDocumentId(device, command.id), toBody(command), 'new')
        if (!put.ok) throw new DomainError('ALREADY_EXISTS', 'A command with this id exists.')
        const added = add(command, put.version)
        for (const outlet of outlets(device)) hand(added, outlet)
        publishCopy(device, toDelivery(added))
        polls.wake(device)
        options.onChange?.(command)
        return command
      } finally {
        const left = (creating.get(device) ?? 1) - 1
        if (left === 0) creating.delete(device)
        else creating.set(device, left)
      }
    },

    async get(device, id) {
      const command = await find(device, id)
      if (!command) throw new DomainError('NOT_FOUND', 'The device has no such command.')
      return command
    },

    async list(device, { limit, cursor }) {
      const page = await registry.list('commands', {
        prefix: `${device}/`,
        sort: { by: 'id', descending: true },
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      })
      const items = page.items.map(({ body }) => toCommand(body)).filter((command) => command !== undefined)
      return page.nextCursor === undefined ? { items } : { items, nextCursor: page.nextCursor }
    },

    async cancel(device, id) {
      const live = open.find(device, id)
      if (live && (await open.move(live, 'cancelled', { endedAt: isoNow() }))) return live.command
      const command = await find(device, id)
      if (!command) throw new DomainError('NOT_FOUND', 'The device has no such command.')
      throw new DomainError('STATE_CONFLICT', `The command is ${command.state} and cannot be cancelled.`)
    },

    follow(command, stored) {
      const known = open.find(command.device, command.id)
      if (isEnded(command.state)) {
        if (known) open.end(known, command)
        return
      }
      if (known) {
        if (movesForward(known.command.state, command.state)) known.command = command
        return
      }
      const added = add(command, stored)
      for (const outlet of outlets(command.device)) hand(added, outlet)
      publishCopy(command.device, toDelivery(added))
      polls.wake(command.device)
    },

    deliverOpen(device, outlet) {
      for (const each of open.of(device)) hand(each, outlet)
    },

    async take(device, { waitMs, signal }) {
      await confirmPolled(device)
      const untilMs = clock.monotonicMs() + Math.min(waitMs, commandLimits.pollWaitMs)
      if (takeNow(device).length === 0) await polls.wait(device, untilMs - clock.monotonicMs(), signal)
      const taken = signal.aborted ? [] : takeNow(device)
      if (taken.length === 0) return []
      const given = polled.get(device) ?? new Set()
      polled.set(device, given)
      for (const each of taken) given.add(each)
      const giveBack = () => {
        for (const each of taken) given.delete(each)
        polls.wake(device)
      }
      signal.addEventListener('abort', giveBack, { once: true })
      try {
        await Promise.all(taken.map((each) => open.move(each, 'sent', { sentAt: isoNow() })))
      } catch (error) {
        giveBack()
        throw error
      }
      return taken.filter((each) => !each.ended).map(({ command: { id, name, params } }) => ({ id, name, params }))
    },

    async reply(device, id, payload) {
      await answerReply({ open, find, isoNow }, device, id, payload)
    },

    async forget(device) {
      polled.delete(device)
      open.drop(device)
      let went: number = loadPage
      while (went === loadPage) went = await registry.deleteWhere('commands', { prefix: `${device}/`, limit: loadPage })
    },

    sweep: (limit) =>
      registry.deleteWhere('commands', {
        where: { open: false },
        range: {
          field: 'endedAt',
          to: new Date((clock.nowMicros() - commandLimits.historyMicros) / 1000).toISOString(),
        },
        limit,
      }),
    open: () => open.size,
    close() {
      deadlines.close()
      polls.wakeAll()
    },
  }
}
