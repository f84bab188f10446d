import type { Refusal } from '@patchbay/contracts/access'
import type { DeviceHappening } from '@patchbay/contracts/device'
import type { AuditEntry } from '@patchbay/contracts/person'
import type { Static } from 'typebox'
import type { LogLine } from '../../ui/log-line.ts'
import { t, tOr } from '../../words/words.ts'

const kinds = { online: 'good', offline: 'warn', 'session-opened': 'info', 'session-ended': '' } as const

/** What the platform saw, a refusal and a person's change, each as a line of the device's log. */
export const fromHappening = ({ at, kind, why, protocol, address, clientId }: DeviceHappening): LogLine => ({
  at,
  kind: kinds[kind],
  label: t(`log.${kind}`),
  ...(protocol === undefined ? {} : { who: protocol }),
  text: [address, clientId, kind === 'session-ended' ? tOr(`log.end-${why}`, why ?? '') : why]
    .filter(Boolean)
    .join(' · '),
})

export const fromRefusal = ({ at, protocol, address, action, topic, code, detail, count }: Refusal): LogLine => ({
  at,
  kind: 'bad',
  label: count > 1 ? `${t('state.refused')} × ${count}` : t('state.refused'),
  who: protocol,
  text: [address, tOr(`access.${action}`, action), topic].filter(Boolean).join(' · '),
  detail: `${code} ${detail}`,
})

export const fromAudit = ({ at, actor, action, outcome, changes }: Static<typeof AuditEntry>): LogLine => ({
  at,
  kind: outcome === 'refused' ? 'bad' : '',
  label: t(outcome === 'refused' ? 'state.refused' : 'log.changed'),
  who: actor,
  text: action,
  ...(changes === undefined ? {} : { detail: JSON.stringify(changes) }),
})
