import type { Operator, Rule, RuleBody } from '@patchbay/contracts/rule'

export interface TestRow {
  key: string
  op: Operator
  /** As typed: a number, true or false, or else a text. */
  value: string
}
/** A condition as it is edited. What the rows cannot show (groups in groups, the shadow) is edited as JSON and stays whole. */
export type ConditionForm =
  | { mode: 'rows'; join: 'all' | 'any'; rows: TestRow[] }
  | { mode: 'expression'; text: string }
  | { mode: 'json'; text: string }
export interface LevelForm {
  severity: NonNullable<RuleBody['levels']>[number]['severity']
  when: ConditionForm
  for: string
  times: number | ''
  within: string
}
export interface RuleForm {
  name: string
  enabled: boolean
  devices: string
  types: string
  tags: string
  levels: LevelForm[]
  clear: ConditionForm | undefined
  offline: string
  noData: string
  channels: string[]
  /** All fields that the form does not show, as they came. */
  rest: Pick<RuleBody, 'change' | 'schedule' | 'escalate'>
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isRow = (value: unknown): value is { key: string; op: Operator; value: string | number | boolean } =>
  isRecord(value) && typeof value['key'] === 'string'
const fromText = (text: string): string | number | boolean => {
  const trimmed = text.trim()
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true'
  const number = Number(trimmed)
  if (trimmed !== '' && Number.isFinite(number)) return number
  return /^".*"$/.test(trimmed) ? trimmed.slice(1, -1) : text
}
// A text that reads like something else is shown in quotes, so that it stays a text.
const toTyped = (value: string | number | boolean): string =>
  typeof value === 'string' && fromText(value) !== value ? `"${value}"` : String(value)
const toRow = ({ key, op, value }: { key: string; op: Operator; value: string | number | boolean }): TestRow => ({
  key,
  op,
  value: toTyped(value),
})

export const toConditionForm = (when: unknown): ConditionForm => {
  if (typeof when === 'string') return { mode: 'expression', text: when }
  if (isRow(when)) return { mode: 'rows', join: 'all', rows: [toRow(when)] }
  if (isRecord(when)) {
    for (const join of ['all', 'any'] as const) {
      const list = when[join]
      if (Array.isArray(list) && list.every(isRow)) return { mode: 'rows', join, rows: list.map(toRow) }
    }
  }
  return { mode: 'json', text: JSON.stringify(when, null, 2) }
}
export const fromConditionForm = (form: ConditionForm): string | object => {
  if (form.mode === 'expression') return form.text
  if (form.mode === 'json') return JSON.parse(form.text)
  const rows = form.rows.map(({ key, op, value }) => ({ key, op, value: fromText(value) }))
  return rows.length === 1 && rows[0] ? rows[0] : { [form.join]: rows }
}

const fromList = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)
const isDuration = (text: string): boolean => /^\d{1,9}(ms|s|m|h|d)$/.test(text)

type Silence = RuleBody['noData']
// "10m" or "10m critical": both forms of a silence in one field.
const toSilence = (silence: Silence): string =>
  silence === null || silence === undefined
    ? ''
    : typeof silence === 'string'
      ? silence
      : `${silence.after} ${silence.severity}`
const severities = ['critical', 'major', 'minor', 'warning', 'info'] as const
const fromSilence = (text: string): NonNullable<Silence> | null => {
  const [after = '', severity] = text.trim().split(/\s+/)
  const known = severities.find((each) => each === severity)
  return after === '' ? null : known === undefined ? after : { after, severity: known }
}

export const emptyLevel = (key = '', value = ''): LevelForm => ({
  severity: 'major',
  when: { mode: 'rows', join: 'all', rows: [{ key, op: '>', value }] },
  for: '',
  times: '',
  within: '',
})
export const emptyRule = (given: { device?: string; key?: string; value?: string } = {}): RuleForm => ({
  name: given.key ? `${given.key} > ${given.value ?? ''}`.trim() : '',
  enabled: true,
  devices: given.device ?? '',
  types: '',
  tags: '',
  levels: [emptyLevel(given.key, given.value)],
  clear: undefined,
  offline: '',
  noData: '',
  channels: [],
  rest: {},
})

export const toRuleForm = (rule: Omit<RuleBody, 'scope'> & Pick<Rule, 'scope'>): RuleForm => ({
  name: rule.name,
  enabled: rule.enabled ?? true,
  devices: rule.scope.devices.join(', '),
  types: rule.scope.types.join(', '),
  tags: rule.scope.tags.join(', '),
  levels: (rule.levels ?? []).map((level) => ({
    severity: level.severity,
    when: toConditionForm(level.when),
    for: level.for ?? '',
    times: level.repeat?.times ?? '',
    within: level.repeat?.within ?? '',
  })),
  clear: rule.clear === null || rule.clear === undefined ? undefined : toConditionForm(rule.clear),
  offline: toSilence(rule.offline),
  noData: toSilence(rule.noData),
  channels: [...(rule.channels ?? [])],
  rest: { change: rule.change ?? null, schedule: rule.schedule ?? null, escalate: rule.escalate ?? [] },
})

/** The body to send. Throws SyntaxError where JSON was typed that is none. */
export const fromRuleForm = (form: RuleForm): RuleBody => ({
  name: form.name,
  enabled: form.enabled,
  scope: { devices: fromList(form.devices), types: fromList(form.types), tags: fromList(form.tags) },
  levels: form.levels.map((level) => ({
    severity: level.severity,
    when: fromConditionForm(level.when),
    ...(level.for ? { for: level.for } : {}),
    ...(level.times !== '' && isDuration(level.within) ? { repeat: { times: level.times, within: level.within } } : {}),
  })),
  clear: form.clear ? fromConditionForm(form.clear) : null,
  offline: fromSilence(form.offline),
  noData: fromSilence(form.noData),
  channels: form.channels,
  ...form.rest,
})
