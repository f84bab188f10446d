import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { AlertSignal } from '../alerts/port.ts'
import type { Body } from '../registry/port.ts'
import type { PointJson } from '../telemetry/port.ts'
import type { DeviceRules } from './device-rules.ts'
import { toJson } from './device-values.ts'
import { isIdle, RuleState } from './rule-state.ts'

const Signal = Type.Object({
  id: Type.String(),
  rule: Type.String(),
  device: Type.String(),
  at: Type.Number(),
  kind: Type.String(),
})

/**
 * A document of `rule_states`: everything that rules remember of one device, as of point `seq` of the committed log. One write commits
 * the state together with the signals that led to it, so neither is ever there without the other.
 */
const StateDocument = Type.Object({
  seq: Type.Number(),
  /** The same by writer; the document may be read by another one than wrote it. */
  seqs: Type.Optional(Type.Record(Type.String(), Type.Number())),
  values: Type.Array(Type.Tuple([Type.String(), Type.Number(), Type.Unknown()])),
  rules: Type.Array(Type.Tuple([Type.String(), RuleState])),
  pending: Type.Array(Signal),
})
export type StateDocument = Static<typeof StateDocument>
const compiled = Compile(StateDocument)

export function toDocument(held: DeviceRules, writer: string): Body {
  const keys = new Set<string>()
  let every = false
  for (const { rule } of held.pairs.values()) {
    every ||= rule.anyKey
    for (const key of rule.keys) keys.add(key)
  }
  const values: [string, number, unknown][] = []
  for (const key of every ? held.values.keys() : keys) {
    const value = held.values.get(key)
    if (value !== undefined) values.push([key, held.values.at(key), toJson(value)])
  }
  const rules: [string, RuleState][] = []
  for (const [id, { state }] of held.pairs) if (!isIdle(state)) rules.push([id, state])
  const seqs = { ...Object.fromEntries(held.others ?? []), [writer]: held.seq }
  return { seq: held.seq, seqs, values, rules, pending: [...held.pending] }
}

/** Undefined for what is none of ours, or of another version: the device's state begins anew. */
export const readDocument = (body: unknown): StateDocument | undefined => (compiled.Check(body) ? body : undefined)

/** A signal as it was stored by `toDocument`, which only ever stores whole ones. */
export const isSignal = (value: unknown): value is AlertSignal =>
  typeof value === 'object' && value !== null && 'kind' in value && ('severity' in value || value.kind === 'clear')

export const isPointJson = (value: unknown): value is PointJson =>
  typeof value === 'number' ||
  typeof value === 'boolean' ||
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null)
