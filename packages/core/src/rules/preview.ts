import type { Preview, RuleBody, RuleRecord } from '@patchbay/contracts/rule'
import type { AlertSignal } from '../alerts/port.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { Point, TelemetryStore } from '../telemetry/port.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { DeviceRules } from './device-rules.ts'
import { advance, takeChange, takeReading } from './evaluate.ts'
import { createKnownDevices } from './known-devices.ts'
import { ruleLimits } from './limits.ts'
import { createPreviewAlerts } from './preview-alerts.ts'
import { isInScope, type ScopedDevice } from './scope-index.ts'
import { TookTooLong } from './took-too-long.ts'

export interface PreviewAsk {
  rule: RuleBody
  /** A rule in force, to be shown beside it. */
  id?: string
  devices?: readonly string[]
  /** µs; `to` is exclusive. */
  from: number
  to: number
}

export interface PreviewDeps {
  registry: Pick<RegistryStore, 'list'>
  telemetry: Pick<TelemetryStore, 'raw'>
  compile: (rule: RuleBody) => Promise<{ rule: CompiledRule; record: RuleRecord }>
  inForce: (id: string) => RuleBody
  toIso: (micros: number) => string
}

interface Side {
  id: string
  rule: CompiledRule
  record: RuleRecord
  alerts: ReturnType<typeof createPreviewAlerts>
}

/** Runs rules over stored history, with the time of the readings as the time, through the evaluation that follows live data. */
export function createPreview(deps: PreviewDeps): (ask: PreviewAsk, signal: AbortSignal) => Promise<Preview> {
  let running = 0

  return async (ask, signal) => {
    if (ask.from >= ask.to) throw new DomainError('FIELD_INVALID', 'from must lie before to.', { fields: [] })
    if (running >= ruleLimits.previewsAtOnce) {
      throw new DomainError(
        'LIMIT_REACHED',
        `${ruleLimits.previewsAtOnce} previews run already. Try again in a moment.`,
      )
    }
    running++
    try {
      return await run(deps, ask, signal)
    } finally {
      running--
    }
  }
}

async function run(deps: PreviewDeps, ask: PreviewAsk, signal: AbortSignal): Promise<Preview> {
  const toSide = async (id: string, body: RuleBody): Promise<Side> => {
    const { rule, record } = await deps.compile(body).catch(inRule)
    return { id, rule: { ...rule, id }, record, alerts: createPreviewAlerts(deps.toIso) }
  }
  const given = await toSide('given', ask.rule)
  const inForce = ask.id === undefined ? undefined : await toSide('inForce', deps.inForce(ask.id))
  const sides = inForce ? [given, inForce] : [given]
  const known = createKnownDevices(deps.registry)
  await known.read()
  const chosen = ask.devices ? ask.devices.flatMap((id) => known.all.get(id) ?? []) : [...known.all.values()]
  const devices = chosen.filter((device) => sides.some(({ record }) => isInScope(record.scope, device)))

  const spent = { points: 0, readings: 0, devices: 0 }
  const endMs = performance.now() + ruleLimits.previewMs
  const mayGoOn = (): boolean => spent.points < ruleLimits.previewPoints && performance.now() < endMs
  for (const device of devices) {
    if (!(await follow(deps, ask, device, sides, spent, mayGoOn, signal))) break
    spent.devices++
  }
  return {
    from: deps.toIso(ask.from),
    to: deps.toIso(ask.to),
    ...spent,
    complete: spent.devices === devices.length,
    notes: notesOf(sides),
    given: given.alerts.answer,
    ...(inForce ? { inForce: inForce.alerts.answer } : {}),
  }
}

/** Faults are named by their path in the rule, which here is a field of what was sent. */
function inRule(error: unknown): never {
  if (!(error instanceof DomainError) || error.fields.length === 0) throw error
  const fields = error.fields.map((field) => ({ ...field, path: `/rule${field.path}` }))
  throw new DomainError(error.code, error.message, { cause: error, fields })
}

/** One device from beginning to end; false when the budget ended before. */
async function follow(
  { telemetry }: PreviewDeps,
  { from, to }: PreviewAsk,
  device: ScopedDevice,
  sides: readonly Side[],
  spent: { points: number; readings: number },
  mayGoOn: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const held = new DeviceRules(device)
  const mine = sides.filter(({ record }) => isInScope(record.scope, device))
  const keys = new Set(mine.flatMap(({ rule }) => [...rule.keys]))
  const every = mine.some(({ rule }) => rule.anyKey || (rule.noData !== undefined && rule.keys.size === 0))
  const emit = (told: AlertSignal): void => mine.find(({ id }) => id === told.rule)?.alerts.add(told)
  const pairs = mine.map(({ rule }) => held.put(rule, 0))
  for (const pair of pairs) takeChange(pair, from, emit)
  if (!every && keys.size === 0) return true

  const read = (cursor: string | undefined) =>
    telemetry.raw(
      {
        device: device.id,
        from,
        to,
        limit: ruleLimits.previewPagePoints,
        ...(every ? {} : { keys: [...keys] }),
        ...(cursor === undefined ? {} : { cursor }),
      },
      { signal },
    )
  const touched = new Set<string>()
  const finish = (at: number): void => {
    if (touched.size === 0) return
    spent.readings++
    for (const pair of pairs) takeReading(pair, at, at, touched, emit)
    touched.clear()
  }

  let began = performance.now()
  let at = from
  try {
    let next: ReturnType<typeof read> | undefined = read(undefined)
    while (next) {
      const { items, nextCursor }: { items: Point[]; nextCursor?: string } = await next
      // The next page is fetched while this one is looked at.
      next = nextCursor === undefined ? undefined : read(nextCursor)
      // Should this end early, its failure is nobody's any more.
      next?.catch(() => undefined)
      for (const [i, point] of items.entries()) {
        if (point.at !== at) {
          finish(at)
          ;({ at } = point)
          for (const pair of pairs) if (pair.due <= at) advance(pair, at, emit)
        }
        if (held.values.set(point.key, at, point.value)) touched.add(point.key)
        if (i % 64 === 0 && performance.now() - began > ruleLimits.turnMs) {
          await new Promise<void>((resolve) => setImmediate(resolve))
          signal.throwIfAborted()
          began = performance.now()
        }
      }
      spent.points += items.length
      if (!mayGoOn()) return false
    }
    finish(at)
    for (const pair of pairs) advance(pair, to - 1, emit)
    return true
  } catch (cause) {
    if (!(cause instanceof TookTooLong)) throw cause
    const text = `For ${device.id} at ${new Date(at / 1000).toISOString()} the rule took too long: it would be stopped.`
    throw new DomainError('FIELD_INVALID', text, {
      cause,
      fields: [{ path: '/rule', code: 'too-slow', message: 'takes too long to evaluate' }],
    })
  }
}

function notesOf(sides: readonly Side[]): string[] {
  const notes: string[] = []
  if (sides.some(({ rule }) => rule.offline))
    notes.push('When devices were offline is not kept: `offline` is left out.')
  if (sides.some(({ rule }) => rule.shadow)) notes.push('Former shadows are not kept: conditions on them are not met.')
  notes.push('Nothing is known of the time before: values, holds and alerts begin with the first reading.')
  return notes
}
