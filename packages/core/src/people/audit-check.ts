import type { AuditEntry } from '@patchbay/contracts/person'
import type { RegistryStore } from '../registry/port.ts'
import { chainHash } from './audit-chain.ts'
import { chainStart, headId, sequenceOf, startId, toEntry } from './audit-record.ts'
import { textOf } from './record-text.ts'

const pageSize = 500

export interface AuditVerdict {
  intact: boolean
  checked: number
  /** The first entry that does not fit. */
  brokenAt?: string
  detail?: string
}

interface Walk {
  previous: string
  sequence: number
  checked: number
  headSeen: boolean
}

/** Reads the whole trail and holds it against its hashes, its beginning and its last known entry. */
export const createAuditCheck = (registry: RegistryStore) => {
  const broken = (walk: Walk, brokenAt: string, detail: string): AuditVerdict => ({
    intact: false,
    checked: walk.checked,
    brokenAt,
    detail,
  })
  const faultOf = ({ hash, ...entry }: AuditEntry, walk: Walk): string | undefined => {
    if (sequenceOf(entry.id) !== walk.sequence) return `An entry before this one is missing (number ${walk.sequence}).`
    return hash === chainHash(entry, walk.previous) ? undefined : 'This entry or the one before it was changed.'
  }
  return {
    async verify(): Promise<AuditVerdict> {
      const head = await registry.get('meta', headId)
      const headEntry = head && textOf(head.body, 'id')
      const walk: Walk = { ...(await chainStart(registry)), checked: 0, headSeen: headEntry === undefined }
      let cursor: string | undefined
      do {
        const page = await registry.list('audit', {
          sort: { by: 'id' },
          limit: pageSize,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const stored of page.items) {
          const entry = toEntry(stored)
          const fault = faultOf(entry, walk)
          if (fault) return broken(walk, entry.id, fault)
          walk.previous = entry.hash
          walk.sequence += 1
          walk.checked += 1
          walk.headSeen ||= entry.id === headEntry && entry.hash === textOf(head?.body ?? {}, 'hash')
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      if (!walk.headSeen && headEntry !== undefined) return broken(walk, headEntry, 'The end of the trail is missing.')
      return { intact: true, checked: walk.checked }
    },
    async prune(beforeIso: string): Promise<number> {
      const { items } = await registry.list('audit', {
        range: { field: 'at', from: beforeIso },
        sort: { by: 'id' },
        limit: 1,
      })
      const first = items[0]
      // The last entry stays: the chain goes on from it.
      if (!first) return 0
      const previous = textOf(first.body, 'previous')
      if (previous === undefined) return 0
      // First the new beginning: a crash before the deletion is mended by the next prune, one after it needs nothing.
      await registry.put('meta', startId, { previous, sequence: sequenceOf(first.id) }, 'any')
      let gone = 0
      for (;;) {
        const some = await registry.deleteWhere('audit', { range: { field: 'at', to: beforeIso }, limit: pageSize })
        gone += some
        if (some < pageSize) return gone
      }
    },
  }
}
