import {
  type NewRule,
  type Preview,
  type Rule,
  type RuleBody,
  type RulePatch,
  RuleRecord,
  type RuleStatus,
} from '@patchbay/contracts/rule'
import { Compile } from 'typebox/compile'
import type { AlertSink } from '../alerts/port.ts'
import type { Clock } from '../clock.ts'
import type { DeviceEvent } from '../devices/port.ts'
import { DomainError } from '../errors.ts'
import type { PresenceStatus } from '../presence/port.ts'
import type { RegistryStore, WriteResult } from '../registry/port.ts'
import type { TelemetryStore } from '../telemetry/port.ts'
import type { CommittedQueue } from './committed-queue.ts'
import { compileRule, type CompiledRule } from './compiled-rule.ts'
import { toMicros } from './duration.ts'
import { createRuleEngine } from './engine.ts'
import type { EngineStats } from './engine-options.ts'
import { ruleLimits } from './limits.ts'
import { createPreview, type PreviewAsk } from './preview.ts'
import { assertNewRule, assertRuleBody, assertRulePatch, newRuleId, toBody, toRuleRecord } from './rule-record.ts'

const isRecord = Compile(RuleRecord)
const pageSize = 200

export interface RuleNotice {
  rule: string
  name: string
  /** Who saved it last. */
  owner: string
  status: RuleStatus
}

export interface RulesOptions {
  registry: RegistryStore
  telemetry: TelemetryStore
  alerts: AlertSink
  clock: Clock
  queue: CommittedQueue
  statusOf: (device: string) => PresenceStatus
  shadowOf: (device: string) => Promise<{ desired: unknown; reported: unknown }>
  randomBytes: (size: number) => Uint8Array
  /** A rule was stopped or held back: its owner should hear of it. */
  notice: (notice: RuleNotice) => void
  onFault: (error: unknown) => void
}

export interface RuleTexts {
  id: string
  name: string
  channels: readonly string[]
  escalate: readonly { afterMicros: number; channels: readonly string[] }[]
}

/** What rules follow beside telemetry. */
export type RuleEvent = DeviceEvent | { kind: 'shadow'; device: string }

interface Kept {
  record: RuleRecord
  version: number
  status: RuleStatus
}

/** Alert rules: kept, checked, and in force. */
export interface Rules {
  /** Reads all rules. */
  load(): Promise<void>
  /** Another node changed these; all of them when not said. */
  reread(ids?: readonly string[]): Promise<void>
  /** Begins to evaluate, from where it stopped; what came meanwhile first. Does not reject. */
  start(): Promise<void>
  /** From memory, for alerts that want its name and channels. */
  find(id: string): RuleRecord | undefined
  /** What alerts tell people of a rule, and by which channels. */
  ruleOf(id: string): RuleTexts | undefined
  get(id: string): Rule
  list(query: { search?: string; limit: number; cursor?: string }): Promise<{ items: Rule[]; nextCursor?: string }>
  create(input: NewRule, owner: string): Promise<Rule>
  /** Replaces all of it. */
  replace(id: string, input: RuleBody, owner: string, expected?: number): Promise<Rule>
  /** Replaces the fields that are given. */
  patch(id: string, input: RulePatch, owner: string, expected?: number): Promise<Rule>
  remove(id: string, expected?: number): Promise<void>
  /** Throws FIELD_INVALID where `create` or `replace` would. */
  check(input: RuleBody): Promise<void>
  /** What a rule that is not saved would have done. Throws FIELD_INVALID; rejects with the signal's reason or ReadCancelled. */
  preview(ask: PreviewAsk, signal: AbortSignal): Promise<Preview>
  /** To be told every event. */
  follow(event: RuleEvent): void
  /** Somebody resolved the alert of this rule and device by hand: the condition counts anew. */
  resolved(rule: string, device: string): void
  stats(): EngineStats
  /** Resolves when everything committed until now has been looked at and its signals are the alerts'. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

export function createRules(options: RulesOptions): Rules {
  const { registry, clock, notice, onFault } = options
  const rules = new Map<string, Kept>()
  const ok: RuleStatus = { state: 'ok' }
  const toIso = (micros: number): string => new Date(micros / 1000).toISOString()
  const now = (): string => toIso(clock.nowMicros())

  const engine = createRuleEngine({
    ...options,
    onStopped(id, code, text) {
      const kept = rules.get(id)
      if (kept) stop(kept, { state: 'stopped', code, text, since: now() }).catch(onFault)
    },
    onLoop(id, device) {
      const kept = rules.get(id)
      if (!kept || kept.status.state === 'stopped') return
      const text =
        `It raised ${ruleLimits.loopRaises} alerts within ${ruleLimits.loopWindowMicros / 1e6} s on ${device}: its alert stays as it ` +
        `is for ${ruleLimits.loopPauseMicros / 60e6} min. Give it a clear condition or a time to hold, and see that no channel of it ` +
        'writes the values that it looks at.'
      kept.status = { state: 'limited', code: 'RULE_LOOPS', text, since: now() }
      tell(kept)
      clock.after(ruleLimits.loopPauseMicros / 1000, () => {
        if (kept.status.state === 'limited') kept.status = ok
      })
    },
  })

  const tell = ({ record, status }: Kept): void =>
    notice({ rule: record.id, name: record.name, owner: record.owner, status })

  async function stop(kept: Kept, status: RuleStatus): Promise<void> {
    kept.status = status
    tell(kept)
    const put = await registry.put('rules', kept.record.id, { ...kept.record, stopped: status }, kept.version)
    if (put.ok) kept.version = put.version
  }

  const view = ({ record, version, status }: Kept): Rule => ({ ...record, status, version })
  const need = (id: string): Kept => {
    const kept = rules.get(id)
    if (!kept) throw new DomainError('NOT_FOUND', `There is no rule "${id}".`)
    return kept
  }
  const force = async ({ record }: Kept, compiled: CompiledRule): Promise<void> =>
    record.enabled ? engine.put(compiled, record.scope) : engine.drop(record.id, 'the rule was turned off')

  async function save(id: string, record: RuleRecord, expected: number | 'new'): Promise<Rule> {
    await compileRule(id, 0, record)
    const put = await registry.put('rules', id, { ...record }, expected)
    if (expected === 'new' && !put.ok) throw new DomainError('ALREADY_EXISTS', `There is a rule "${id}" already.`)
    assertDone(put, id)
    const kept: Kept = { record, version: put.version, status: ok }
    rules.set(id, kept)
    await force(kept, await compileRule(id, put.version, record))
    return view(kept)
  }

  async function allIds(): Promise<string[]> {
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const page = await registry.list('rules', { limit: pageSize, ...(cursor ? { cursor } : {}) })
      for (const { id } of page.items) ids.push(id)
      cursor = page.nextCursor
    } while (cursor)
    return ids
  }

  async function replace(id: string, input: RuleBody, owner: string, expected: number | undefined): Promise<Rule> {
    const { record, version } = need(id)
    return save(id, toRuleRecord(id, input, owner, record.createdAt, now()), expected ?? version)
  }

  return {
    async load() {
      let cursor: string | undefined
      do {
        const page = await registry.list('rules', { limit: pageSize, ...(cursor ? { cursor } : {}) })
        for (const { id, version, body } of page.items) {
          const { stopped, ...record } = body
          if (!isRecord.Check(record)) continue
          const kept: Kept = { record, version, status: isStatus(stopped) ? stopped : ok }
          rules.set(id, kept)
          if (!record.enabled || kept.status.state === 'stopped') continue
          try {
            await engine.put(await compileRule(id, version, record), record.scope)
          } catch (error) {
            // Saved by a version that took it: it must not keep the others from running.
            const text = error instanceof Error ? error.message : String(error)
            kept.status = { state: 'stopped', code: 'RULE_FAILED', text, since: now() }
            tell(kept)
          }
        }
        cursor = page.nextCursor
      } while (cursor)
    },
    async reread(ids) {
      const asked = ids ?? [...rules.keys(), ...(await allIds())]
      for (const id of new Set(asked)) {
        const stored = await registry.get('rules', id)
        const before = rules.get(id)
        if (!stored) {
          if (rules.delete(id)) await engine.drop(id, 'the rule was deleted')
          continue
        }
        const { stopped, ...record } = stored.body
        if (before?.version === stored.version || !isRecord.Check(record)) continue
        const kept: Kept = { record, version: stored.version, status: isStatus(stopped) ? stopped : ok }
        rules.set(id, kept)
        if (kept.status.state === 'stopped') await engine.drop(id, 'the rule was stopped')
        else await force(kept, await compileRule(id, stored.version, record))
      }
    },
    start: () => engine.start().catch(onFault),
    find: (id) => rules.get(id)?.record,
    ruleOf(id) {
      const record = rules.get(id)?.record
      if (!record) return undefined
      const { name, channels } = record
      const escalate = record.escalate.map((step) => ({
        afterMicros: toMicros(step.after) ?? 0,
        channels: step.channels,
      }))
      return { id, name, channels, escalate }
    },
    get: (id) => view(need(id)),
    async list({ search, limit, cursor }) {
      const page = await registry.list('rules', {
        ...(search ? { search: { fields: ['id', 'name'], text: search } } : {}),
        sort: { by: 'id' },
        limit,
        ...(cursor ? { cursor } : {}),
      })
      const items = page.items.flatMap(({ id }) => {
        const kept = rules.get(id)
        return kept ? [view(kept)] : []
      })
      return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) }
    },
    async create(input, owner) {
      assertNewRule(input)
      if (rules.size >= ruleLimits.rules) {
        throw new DomainError('LIMIT_REACHED', `There are ${ruleLimits.rules} rules already.`)
      }
      const id = input.id ?? newRuleId(options.randomBytes)
      return save(id, toRuleRecord(id, input, owner, now(), now()), 'new')
    },
    async replace(id, input, owner, expected) {
      assertRuleBody(input)
      return replace(id, input, owner, expected)
    },
    async patch(id, input, owner, expected) {
      assertRulePatch(input)
      return replace(id, { ...toBody(need(id).record), ...input }, owner, expected)
    },
    async remove(id, expected) {
      need(id)
      assertDone(await registry.delete('rules', id, expected ?? 'any'), id)
      rules.delete(id)
      await engine.drop(id, 'the rule was deleted')
    },
    async check(input) {
      assertRuleBody(input)
      await compileRule('check', 0, toRuleRecord('check', input, '', now(), now()))
    },
    preview: createPreview({
      registry,
      telemetry: options.telemetry,
      toIso,
      inForce: (id) => toBody(need(id).record),
      async compile(input) {
        assertRuleBody(input)
        const record = toRuleRecord('preview', input, '', now(), now())
        return { record, rule: await compileRule('preview', 0, record) }
      },
    }),
    follow(event) {
      switch (event.kind) {
        case 'created':
        case 'changed':
          engine.deviceChanged({ id: event.device.id, type: event.device.type, tags: event.device.tags })
          break
        case 'deleted':
          engine.deviceGone(event.device.id)
          break
        case 'status':
          engine.presenceChanged(event.device, event.status === 'offline' ? event.at : undefined)
          break
        case 'shadow':
          engine.shadowChanged(event.device)
          break
        default:
          break
      }
    },
    resolved: (rule, device) => engine.resolved(rule, device),
    stats: () => engine.stats(),
    caughtUp: () => engine.caughtUp(),
    close: () => engine.close(),
  }
}

function assertDone(result: WriteResult, id: string): void {
  if (result.ok) return
  if (result.version === 0) throw new DomainError('NOT_FOUND', `There is no rule "${id}".`)
  throw new DomainError('VERSION_CONFLICT', `The rule "${id}" is at version ${result.version}.`)
}

const isStatus = (value: unknown): value is RuleStatus =>
  typeof value === 'object' && value !== null && 'state' in value && value.state === 'stopped'
