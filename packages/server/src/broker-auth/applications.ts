import type { Subject } from '@patchbay/core/access/port'
import type { People } from '@patchbay/core/people/people'

/** Applications whose subject is kept; one more turns out the oldest. */
export const maxKeptApplications = 1000

/** Applications by the id of their API key, each as one and the same value while its filters stay: the authoriser keeps rights by it. */
export function createApplications(apiKeys: Pick<People['apiKeys'], 'byId'>) {
  const kept = new Map<string, { filters: string; subject: Subject }>()
  return {
    async subjectOf(id: string): Promise<Subject | undefined> {
      const key = await apiKeys.byId(id)
      if (!key) return undefined
      const filters = JSON.stringify([key.publish, key.subscribe])
      const known = kept.get(id)
      if (known?.filters === filters) return known.subject
      const subject: Subject = { kind: 'application', id, publish: key.publish, subscribe: key.subscribe }
      kept.delete(id)
      for (const oldest of kept.keys()) {
        if (kept.size < maxKeptApplications) break
        kept.delete(oldest)
      }
      kept.set(id, { filters, subject })
      return subject
    },
  }
}
