import type { AlertSignal } from '../alerts/port.ts'
import { arm } from './arm.ts'
import { createPauses } from './pause.ts'
import { createSignalNumbers } from './signal-numbers.ts'
import { createTicker } from '../ticker.ts'
import { createClockWatch } from './clock-watch.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { DeviceRules, type LivePair } from './device-rules.ts'
import { createDeviceTimers } from './device-timers.ts'
import type { EngineOptions, EngineStats } from './engine-options.ts'
import { advance, type Emit, end, takeChange, takePresence, takeReading } from './evaluate.ts'
import { createIntake } from './intake.ts'
import { createKnownDevices } from './known-devices.ts'
import { ruleLimits } from './limits.ts'
import { forgetOpen, shift } from './rule-state.ts'
import { createScopeIndex, isInScope, type Scope, type ScopedDevice } from './scope-index.ts'
import { createSeeder } from './seeder.ts'
import { createStateKeeper, follower } from './state-keeper.ts'
import { loadKept, loadStates } from './state-load.ts'
import { TookTooLong } from './took-too-long.ts'

/** Lets rules follow what is committed, and time. */
export interface RuleEngine {
  /** Reads what was remembered, and goes on from there. Rules of the time before must have been put. */
  start(): Promise<void>
  /** The rule holds as it is now; resolves when the present values have been looked at, or after a while. */
  put(rule: CompiledRule, scope: Scope): Promise<void>
  /** The rule holds no longer; what it opened is cleared. */
  drop(rule: string, cause: string): Promise<void>
  deviceChanged(device: ScopedDevice): void
  deviceGone(device: string): void
  presenceChanged(device: string, offlineAtMicros: number | undefined): void
  shadowChanged(device: string): void
  /** Somebody resolved the alert by hand. */
  resolved(rule: string, device: string): void
  stats(): EngineStats
  /** Resolves when everything committed until now has been looked at and its signals are the alerts'. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

export function createRuleEngine(options: EngineOptions): RuleEngine {
  const { registry, telemetry, alerts, clock, queue, onFault } = options
  const { writer } = telemetry
  const index = createScopeIndex()
  const devices = createKnownDevices(registry)
  /** The devices that rules apply to. */
  const held = new Map<string, DeviceRules>()
  const timers = createDeviceTimers(
    (mine) => held.get(mine.device.id) === mine && !closed,
    (mine, until) => advanceAll(mine, until),
  )
  const watch = createClockWatch(clock)
  const nextTold = createSignalNumbers(clock)
  const pauses = createPauses(clock)
  let started = false
  /** Devices and states have been read. */
  let ready = false
  const { promise: loaded, resolve: markLoaded } = Promise.withResolvers<void>()
  let closed = false
  let signals = 0
  let lastCheckpointMs = clock.monotonicMs()
  let lastBeatMs = lastCheckpointMs

  const keeper = createStateKeeper({
    registry,
    telemetry,
    alerts,
    clock,
    cursor: () => (index.size > 0 ? intake.cursor() : undefined),
    onFault,
  })

  const emit: Emit = (signal: AlertSignal, { state }) => {
    const mine = held.get(signal.device) ?? leaving
    if (!mine) return
    signals++
    mine.pending.push(signal)
    keeper.urge(mine)
    if (signal.kind === 'raise' && state.mutedUntil > signal.at) options.onLoop(signal.rule, signal.device)
  }
  /** The device that is being taken out while its alerts are cleared. */
  let leaving: DeviceRules | undefined

  function guarded(pair: LivePair, work: () => void): void {
    try {
      work()
    } catch (error) {
      const slow = error instanceof TookTooLong
      if (!slow) onFault(error)
      const why = error instanceof Error ? error.message : String(error)
      const text = `Evaluated for ${pair.device}, ${slow ? why : `it failed: ${why}`}. Change it and save it again.`
      index.delete(pair.rule.id)
      for (const mine of held.values()) leave(mine, pair.rule.id, 'the rule was stopped')
      intake.forgetRoutes()
      options.onStopped(pair.rule.id, slow ? 'RULE_TOO_SLOW' : 'RULE_FAILED', text)
    }
  }

  /** After pairs of the device were evaluated. */
  function evaluated(mine: DeviceRules): void {
    mine.findDue()
    timers.schedule(mine)
    keeper.touch(mine)
  }

  function each(mine: DeviceRules, which: (pair: LivePair) => boolean, work: (pair: LivePair) => void): void {
    for (const pair of mine.pairs.values()) if (which(pair)) guarded(pair, () => work(pair))
    evaluated(mine)
  }

  const advanceAll = (mine: DeviceRules, at: number): void =>
    each(
      mine,
      ({ due }) => due <= at,
      (pair) => advance(pair, at, emit),
    )

  const intake = createIntake({
    telemetry,
    queue,
    clock,
    deviceOf: (id) => held.get(id),
    mayTake: () => keeper.waiting < ruleLimits.signalsPerWrite * 20,
    advance: advanceAll,
    reading(mine, pair, at, now, touched) {
      guarded(pair, () => takeReading(pair, at, now, touched, emit))
      if (pair.due < mine.due) {
        mine.due = pair.due
        timers.schedule(mine)
      }
    },
    taken: (mine) => keeper.touch(mine),
    before: () => noteClock(),
    onFault,
  })

  const seeder = createSeeder({
    telemetry,
    shadowOf: options.shadowOf,
    isClosed: () => closed,
    ready(mine, rules) {
      const now = clock.nowMicros()
      if (held.get(mine.device.id) !== mine) return
      each(
        mine,
        ({ rule }) => rules.has(rule.id),
        (pair) => takeChange(pair, now, emit),
      )
    },
    onFault,
  })

  /** Makes the device's pairs what the rules say, and has those that are new or changed looked at. */
  function match(device: ScopedDevice): void {
    const fresh = new Set<string>()
    const rules = index.rulesOf(device)
    let mine = held.get(device.id)
    if (!mine) {
      if (rules.length === 0) return
      held.set(device.id, (mine = new DeviceRules(device)))
      mine.seq = intake.position
      mine.others = intake.others()
      keeper.keep(device.id)
    }
    mine.device = device
    const wanted = new Set(rules.map(({ id }) => id))
    for (const id of mine.pairs.keys()) {
      if (!wanted.has(id)) leave(mine, id, 'the device is no longer in the scope of the rule')
    }
    for (const rule of rules) {
      if (mine.pairs.get(rule.id)?.rule === rule) continue
      arm(mine.put(rule, nextTold()), options.statusOf(device.id), clock.nowMicros())
      fresh.add(rule.id)
    }
    keeper.touch(mine)
    if (fresh.size > 0) seeder.add(mine, fresh)
    if (mine.pairs.size === 0) letGo(device.id)
    intake.forgetRoutes()
  }

  function letGo(device: string): void {
    held.delete(device)
    keeper.forget(device)
  }

  function leave(mine: DeviceRules, rule: string, cause: string): void {
    const pair = mine.drop(rule)
    if (!pair) return
    leaving = mine
    end(pair, clock.nowMicros(), cause, emit)
    leaving = undefined
    evaluated(mine)
  }

  function noteClock(): void {
    const step = watch()
    if (step === 0) return
    const now = clock.nowMicros()
    timers.clear()
    for (const mine of held.values()) {
      mine.values.notAfter(now)
      for (const pair of mine.pairs.values()) {
        shift(pair.state, step)
        if (Number.isFinite(pair.due)) pair.due = now
      }
      mine.scheduled = Number.POSITIVE_INFINITY
      evaluated(mine)
    }
    // A restart could not tell that what is stored was told in another time.
    keeper.checkpoint().catch(onFault)
  }

  /** Time goes on for who was silent; not before what was committed until then has been looked at. */
  async function tick(): Promise<void> {
    noteClock()
    const now = clock.nowMicros()
    await intake.reachEnds({ [writer]: queue.heard })
    await timers.fire(now)
    if (clock.monotonicMs() - lastCheckpointMs >= ruleLimits.checkpointMs) {
      lastCheckpointMs = lastBeatMs = clock.monotonicMs()
      await keeper.checkpoint()
    } else if (clock.monotonicMs() - lastBeatMs >= ruleLimits.beatMs) {
      lastBeatMs = clock.monotonicMs()
      await keeper.beat()
    }
  }

  const ticker = createTicker(clock, ruleLimits.tickMs, tick, onFault)

  return {
    async start() {
      started = true
      queue.onWake = () => intake.wake()
      while (!pauses.closed) {
        try {
          await (index.size > 0 ? goOn() : clearAll())
          break
        } catch (error) {
          // Without its states and devices nothing can be evaluated; the log keeps what comes meanwhile.
          onFault(error)
          await pauses.wait(ruleLimits.retryMs)
        }
      }
      markLoaded()
      ticker.start()
    },
    async put(rule, scope) {
      if (started) await loaded
      if (started && index.size === 0) await beginToFollow()
      const before = index.get(rule.id)
      index.set({ rule, scope })
      if (!started) return
      for (const device of devices.all.values()) {
        if (isInScope(scope, device) || (before && isInScope(before.scope, device))) match(device)
      }
      await seeder.idle()
      await keeper.checkpoint()
    },
    async drop(rule, cause) {
      if (started) await loaded
      const scoped = index.delete(rule)
      for (const mine of held.values()) {
        if (!mine.pairs.has(rule)) continue
        leave(mine, rule, cause)
        if (mine.pairs.size > 0) continue
        letGo(mine.device.id)
      }
      intake.forgetRoutes()
      if (started && index.size === 0) await unfollow()
      if (scoped) await keeper.settled()
    },
    deviceChanged(device) {
      devices.set(device)
      if (ready) match(device)
    },
    deviceGone(id) {
      devices.delete(id)
      const mine = held.get(id)
      if (!mine) return
      for (const rule of mine.pairs.keys()) leave(mine, rule, 'the device was deleted')
      letGo(id)
      intake.forgetRoutes()
    },
    presenceChanged(id, offlineAt) {
      const mine = held.get(id)
      if (!mine || !started) return
      each(
        mine,
        ({ rule }) => rule.offline !== undefined,
        (pair) => takePresence(pair, offlineAt, clock.nowMicros(), emit),
      )
    },
    shadowChanged(id) {
      const mine = held.get(id)
      if (!mine || !started) return
      const shadowed = [...mine.pairs.values()].filter(({ rule }) => rule.shadow).map(({ rule }) => rule.id)
      if (shadowed.length > 0) seeder.add(mine, new Set(shadowed))
    },
    resolved(rule, device) {
      const mine = held.get(device)
      const pair = mine?.pairs.get(rule)
      if (!mine || !pair) return
      forgetOpen(pair.state)
      keeper.touch(mine)
    },
    stats: () => ({
      rules: index.size,
      devices: held.size,
      readings: intake.readings,
      signals,
      behind: Math.max(0, queue.heard - intake.position) + intake.behindOthers,
    }),
    async caughtUp() {
      await intake.reachEnds(telemetry.end())
      await seeder.idle()
      await keeper.settled()
    },
    async close() {
      closed = true
      ticker.stop()
      pauses.close()
      queue.open = false
      queue.onWake = () => {}
      await intake.close()
      if (started) await keeper.close().catch(onFault)
    },
  }

  /** There are rules: the log is followed from where they stood. */
  async function goOn(): Promise<void> {
    queue.open = true
    await devices.read()
    const ends = telemetry.end()
    const now = clock.nowMicros()
    const kept = await loadKept(registry, writer, { cursor: ends, at: now })
    intake.jump(kept.cursor)
    const orphans = await loadStates({ registry, devices: devices.all, index, held, kept, now, writer, nextTold })
    for (const mine of held.values()) {
      for (const pair of mine.pairs.values()) arm(pair, options.statusOf(pair.device), now)
      mine.findDue()
      timers.schedule(mine)
      for (const _ of mine.pending) keeper.urge(mine)
    }
    for (const { held: mine, rule } of orphans) leave(mine, rule, 'the rule is no longer there')
    for (const mine of held.values()) {
      if (mine.pairs.size > 0) continue
      letGo(mine.device.id)
    }
    // A device that is not remembered came after the last checkpoint: it is followed from there.
    for (const device of devices.all.values()) if (!held.has(device.id)) match(device)
    ready = true
    markLoaded()
    await intake.reachEnds(ends)
    for (const mine of held.values()) {
      const lively = [...mine.pairs.values()].filter(
        ({ rule }) => rule.shadow || rule.offline || rule.noData || rule.schedule,
      )
      if (lively.length > 0) seeder.add(mine, new Set(lively.map(({ rule }) => rule.id)))
    }
    await seeder.idle()
    await keeper.checkpoint()
  }

  /** Without rules nothing is followed; what an earlier one left open is cleared. */
  async function clearAll(): Promise<void> {
    const kept = { cursor: {}, at: clock.nowMicros() }
    const orphans = await loadStates({
      registry,
      devices: devices.all,
      index,
      held,
      kept,
      now: kept.at,
      writer,
      nextTold,
    })
    for (const mine of held.values()) for (const _ of mine.pending) keeper.urge(mine)
    for (const { held: mine, rule } of orphans) leave(mine, rule, 'the rule is no longer there')
    for (const id of held.keys()) letGo(id)
    await unfollow()
    await keeper.settled()
  }

  /** Nothing is followed: retention need not wait, and a later rule begins at the end of the log. */
  async function unfollow(): Promise<void> {
    queue.open = false
    await registry.delete('meta', follower)
    await telemetry.holdCommitted(follower, undefined)
  }

  /** The first rule: the log is followed from its end on. */
  async function beginToFollow(): Promise<void> {
    queue.open = true
    intake.jump(telemetry.end())
    await devices.read()
    ready = true
  }
}
