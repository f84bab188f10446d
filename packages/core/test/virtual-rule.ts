import type { RuleBody } from '@patchbay/contracts/rule'
import type { AlertSignal } from '../src/alerts/port.ts'
import { compileRule } from '../src/rules/compiled-rule.ts'
import { DeviceRules } from '../src/rules/device-rules.ts'
import { advance, takeChange, takePresence, takeReading } from '../src/rules/evaluate.ts'
import { toRuleRecord } from '../src/rules/rule-record.ts'
import type { PointJson } from '../src/telemetry/port.ts'

export const startMicros = Date.UTC(2026, 10, 24, 12) * 1000
export const bodyOf = (fields: Partial<RuleBody>): RuleBody => ({ name: 'test', ...fields })

/** One rule on one device in made-up time; seconds count from `startMicros`. */
export async function runVirtually(fields: Partial<RuleBody>) {
  const rule = await compileRule('r', 1, toRuleRecord('r', bodyOf(fields), 'test', '', ''))
  const held = new DeviceRules({ id: 'd', type: 'default', tags: [] })
  const pair = held.put(rule, 0)
  const signals: AlertSignal[] = []
  const emit = (signal: AlertSignal) => void signals.push(signal)
  const at = (seconds: number) => startMicros + Math.round(seconds * 1e6)
  let told = 0
  return {
    pair,
    held,
    signals,
    read(seconds: number, values: Record<string, PointJson>) {
      const now = at(seconds)
      advance(pair, now, emit)
      const touched = new Set<string>()
      for (const [key, value] of Object.entries(values)) if (held.values.set(key, now, value)) touched.add(key)
      takeReading(pair, now, now, touched, emit)
    },
    pass: (seconds: number) => advance(pair, at(seconds), emit),
    presence(seconds: number, online: boolean) {
      advance(pair, at(seconds), emit)
      takePresence(pair, online ? undefined : at(seconds), at(seconds), emit)
    },
    shadow(seconds: number, shadow: { desired: unknown; reported: unknown }) {
      held.values.setShadow(shadow)
      takeChange(pair, at(seconds), emit)
    },
    /** What was told since the last look: "30 raise major". */
    news(): string[] {
      const fresh = signals.slice(told)
      told = signals.length
      return fresh.map((signal) =>
        [(signal.at - startMicros) / 1e6, signal.kind, 'severity' in signal ? signal.severity : ''].join(' ').trim(),
      )
    },
  }
}
