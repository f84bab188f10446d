import type { Rule } from '@patchbay/contracts/rule'
import { t } from '../../words/words.ts'

const toText = (when: unknown): string => {
  if (typeof when === 'string') return when
  if (typeof when !== 'object' || when === null) return ''
  for (const join of ['all', 'any'] as const) {
    const list: unknown = join in when ? Reflect.get(when, join) : undefined
    if (Array.isArray(list)) return list.map(toText).join(join === 'all' ? ' && ' : ' || ')
  }
  const key: unknown = Reflect.get(when, 'key') ?? Reflect.get(when, 'shadow')
  return `${String(key)} ${String(Reflect.get(when, 'op'))} ${JSON.stringify(Reflect.get(when, 'value'))}`
}

/** A rule in one line: what raises it, and for which devices. */
export const toSentence = (rule: Pick<Rule, 'levels' | 'change' | 'offline' | 'noData' | 'scope'>): string => {
  const after = (silence: Rule['offline']): string =>
    silence === null ? '' : typeof silence === 'string' ? silence : silence.after
  const parts = [
    ...rule.levels.map(({ when, for: hold }) =>
      hold ? t('rule.for-s', { when: toText(when), for: hold }) : toText(when),
    ),
    ...(rule.change ? [t('rule.change-s', { key: rule.change.key, by: rule.change.by, per: rule.change.per })] : []),
    ...(rule.offline ? [t('rule.offline-s', { after: after(rule.offline) })] : []),
    ...(rule.noData ? [t('rule.no-data-s', { after: after(rule.noData) })] : []),
  ]
  const scope = [...rule.scope.devices, ...rule.scope.types, ...rule.scope.tags]
  return `${parts.join(' · ')} — ${scope.length ? scope.slice(0, 5).join(', ') : t('rule.everywhere')}`
}
