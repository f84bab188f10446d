import type { RegistryStore } from '../registry/port.ts'
import type { CommitCursor } from '../telemetry/port.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { DeviceRules } from './device-rules.ts'
import { restoreDue } from './evaluate.ts'
import { excuse, shift } from './rule-state.ts'
import type { ScopedDevice, ScopeIndex } from './scope-index.ts'
import { isPointJson, isSignal, readDocument } from './state-document.ts'
import { follower } from './state-keeper.ts'

const pageSize = 500

/** Where the rules stood when they were last heard of. */
export interface Kept {
  cursor: CommitCursor
  at: number
}

/** `end`: the end of the log and the time, for when nothing was kept; a log that was put back to an earlier state ends before. */
export async function loadKept(registry: Pick<RegistryStore, 'get'>, writer: string, end: Kept): Promise<Kept> {
  const { cursor, at, all } = (await registry.get('meta', follower))?.body ?? {}
  if (typeof at !== 'number' || typeof cursor !== 'object' || cursor === null) return end
  const known = new Map<string, unknown>(Object.entries(cursor))
  // Written by a version that knew of no other writers: what these wrote before is not looked at again.
  if (all !== true && typeof known.get(writer) !== 'number') return end
  const places = Object.entries(end.cursor).map(([name, last]): [string, number] => {
    const place = known.get(name)
    // A writer that came later is read from its beginning.
    return [name, typeof place === 'number' ? Math.min(place, last) : all === true ? 0 : last]
  })
  return { cursor: Object.fromEntries(places), at }
}

/** What was open under a rule that is not there any more, to be cleared. */
export interface Orphan {
  held: DeviceRules
  rule: string
}

/** Reads what rules remember of devices. `now` is the time; silence while the platform was away is excused. */
export async function loadStates(deps: {
  registry: Pick<RegistryStore, 'list'>
  devices: ReadonlyMap<string, ScopedDevice>
  index: ScopeIndex
  held: Map<string, DeviceRules>
  kept: Kept
  now: number
  writer: string
  nextTold: () => number
}): Promise<Orphan[]> {
  const { registry, devices, index, held, kept, now, writer, nextTold } = deps
  const away = now - kept.at
  const orphans: Orphan[] = []
  let cursor: string | undefined
  do {
    const page = await registry.list('rule_states', { limit: pageSize, ...(cursor ? { cursor } : {}) })
    for (const { id, body } of page.items) {
      const stored = readDocument(body)
      if (!stored) continue
      const mine = new DeviceRules(devices.get(id) ?? { id, type: '', tags: [] })
      const { [writer]: own = stored.seqs ? 0 : stored.seq, ...others } = stored.seqs ?? {}
      mine.seq = own
      if (Object.keys(others).length > 0) mine.others = new Map(Object.entries(others))
      for (const [key, at, value] of stored.values) if (isPointJson(value)) mine.values.set(key, at, value)
      mine.values.notAfter(now)
      for (const signal of stored.pending) if (isSignal(signal)) mine.pending.push(signal)
      const rules = devices.has(id) ? index.rulesOf(mine.device) : []
      const states = new Map(stored.rules)
      for (const rule of rules) {
        const pair = mine.put(rule, nextTold(), states.get(rule.id))
        states.delete(rule.id)
        if (away < 0) shift(pair.state, away)
        else excuse(pair.state, away)
        restoreDue(pair, kept.at)
      }
      for (const [rule, state] of states) {
        if (state.open < 0) continue
        mine.put(toGone(rule, state.version), nextTold(), state)
        orphans.push({ held: mine, rule })
      }
      mine.findDue()
      if (mine.pairs.size > 0 || mine.pending.length > 0) held.set(id, mine)
    }
    cursor = page.nextCursor
  } while (cursor)
  return orphans
}

const toGone = (id: string, version: number): CompiledRule => ({
  id,
  version,
  levels: [],
  clear: undefined,
  change: undefined,
  offline: undefined,
  noData: undefined,
  schedule: undefined,
  keys: new Set(),
  anyKey: false,
  shadow: false,
})
