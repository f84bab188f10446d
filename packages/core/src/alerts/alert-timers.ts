import type { Clock } from '../clock.ts'
import { type AlertDocument, toBody } from './alert-document.ts'
import type { AlertStore } from './alert-store.ts'
import { shortenWait } from './escalation.ts'
import { alertLimits } from './limits.ts'
import { type Moment, toIso } from './moment.ts'
import type { Surroundings } from './notify.ts'
import { ring } from './timers.ts'

/**
 * Finds the alerts whose time has come. They lie in the registry with their times in an index, so nothing is held in memory and a restart
 * changes nothing; between due times only two numbers are compared each second.
 */
export interface AlertTimers {
  /** Alerts that are still active after a restart. */
  start(): Promise<void>
  /** A document was written: its next step may be the first of all. */
  follow(document: AlertDocument): void
  close(): void
}

export function createAlertTimers(deps: {
  clock: Clock
  store: AlertStore
  moment: () => Moment
  around: (document: AlertDocument) => Promise<Surroundings>
  failed: (error: unknown) => void
}): AlertTimers {
  const { clock, store, moment, around, failed } = deps
  // 0 = not known: the first look asks the store.
  const next = { dueAt: 0, wakeAt: 0 }
  let cancel = (): void => {}
  let closed = false
  let tidiedMs = clock.monotonicMs()

  const nowOf = (field: 'dueAt' | 'wakeAt'): number => (field === 'dueAt' ? moment().steadyMicros : moment().wallMicros)

  async function ringDue(field: 'dueAt' | 'wakeAt'): Promise<void> {
    const to = nowOf(field) + 1
    next[field] = Number.POSITIVE_INFINITY
    try {
      for (;;) {
        const { items } = await store.list({ range: { field, to }, sort: { by: field }, limit: alertLimits.timerPage })
        await Promise.all(
          items.map(({ id }) =>
            store.change(id, async (document) => {
              ring(document, await around(document))
              return true
            }),
          ),
        )
        if (items.length < alertLimits.timerPage || closed) break
      }
      const [first] = (await store.list({ range: { field, from: to }, sort: { by: field }, limit: 1 })).items
      if (first) note(field, toBody(first.document)[field])
    } catch (error) {
      next[field] = 0
      throw error
    }
  }

  function note(field: 'dueAt' | 'wakeAt', at: unknown): void {
    if (typeof at === 'number' && at < next[field]) next[field] = at
  }

  async function tidy(): Promise<void> {
    if (clock.monotonicMs() - tidiedMs < alertLimits.tidyEveryMs) return
    tidiedMs = clock.monotonicMs()
    await store.forgetResolved(toIso(moment().wallMicros - alertLimits.historyMicros))
  }

  async function look(): Promise<void> {
    if (next.dueAt <= nowOf('dueAt')) await ringDue('dueAt')
    if (next.wakeAt <= nowOf('wakeAt')) await ringDue('wakeAt')
    await tidy()
  }

  function arm(): void {
    if (closed) return
    cancel = clock.after(alertLimits.timerEveryMs, () => {
      look().catch(failed).finally(arm)
    })
  }

  return {
    async start() {
      const { steadyMicros } = moment()
      let cursor: string | undefined
      do {
        const page = await store.list({
          range: { field: 'dueAt', from: steadyMicros },
          sort: { by: 'dueAt' },
          limit: alertLimits.timerPage,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const { id, document } of page.items) {
          if (!document.escalation) continue
          const surroundings = await around(document)
          if (shortenWait(document, surroundings)) await store.change(id, (fresh) => shortenWait(fresh, surroundings))
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      arm()
    },
    follow(document) {
      const { dueAt, wakeAt } = toBody(document)
      note('dueAt', dueAt)
      note('wakeAt', wakeAt)
    },
    close() {
      closed = true
      cancel()
    },
  }
}
