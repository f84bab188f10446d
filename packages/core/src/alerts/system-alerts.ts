import type { Severity } from '@patchbay/contracts/severity'
import type { AlertSink } from './port.ts'
import type { RuleBook, RuleTexts } from './rule-book.ts'

/** What the platform raises by itself, each under the rule `system:<code>`. Codes are never reused. */
export const systemAlerts = {
  'delivery-failed': { name: 'A notification could not be delivered', severity: 'major' },
  'resend-throttled': { name: 'A device resends a refused message', severity: 'warning' },
  'rule-stopped': { name: 'A rule was stopped', severity: 'major' },
  'configuration-refused': { name: 'A part of the configuration files was refused', severity: 'major' },
  'queue-unsafe': { name: 'Redis may lose or evict jobs', severity: 'warning' },
} as const satisfies Record<string, { name: string; severity: Severity }>
export type SystemAlertCode = keyof typeof systemAlerts

export const systemRulePrefix = 'system:'
/** The device of a system alert that is about none. */
export const platformDevice = 'platform'

export const toSystemRule = (code: SystemAlertCode): string => `${systemRulePrefix}${code}`

export type RaiseSystem = (code: SystemAlertCode, device: string | undefined, text: string) => Promise<void>

/** Raises system alerts, and says that one is over. */
export function createSystemAlerts(deps: { sink: AlertSink; nowMicros: () => number; randomId: () => string }): {
  raiseSystem: RaiseSystem
  clearSystem: RaiseSystem
} {
  const { sink, nowMicros, randomId } = deps
  const signalOf = (code: SystemAlertCode, device: string | undefined) => ({
    id: `${code}/${nowMicros()}/${randomId()}`,
    rule: toSystemRule(code),
    device: device ?? platformDevice,
    at: nowMicros(),
    value: null,
  })
  return {
    raiseSystem: (code, device, text) =>
      sink.apply([{ ...signalOf(code, device), kind: 'raise', severity: systemAlerts[code].severity, cause: text }]),
    clearSystem: (code, device, text) => sink.apply([{ ...signalOf(code, device), kind: 'clear', cause: text }]),
  }
}

const isCode = (text: string): text is SystemAlertCode => Object.hasOwn(systemAlerts, text)

/** Knows the platform's own rules beside those of the given book, which may say channels for them too. */
export const withSystemRules = (book: () => RuleBook | undefined): RuleBook => ({
  ruleOf(id): RuleTexts | undefined {
    const known = book()?.ruleOf(id)
    if (known || !id.startsWith(systemRulePrefix)) return known
    const code = id.slice(systemRulePrefix.length)
    return isCode(code) ? { id, name: systemAlerts[code].name, channels: [], escalate: [] } : undefined
  },
})
