import type { Clock } from '@patchbay/core/clock'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Log } from '@patchbay/sdk'
import type { SharedStores } from '../parts/stores.ts'
import { createAdoption } from './adoption.ts'
import { createFollower, type FollowParts } from './follow-changes.ts'

export interface SharingParts extends FollowParts {
  shared: SharedStores
  telemetry: Pick<TelemetryStore, 'end'>
  clock: Clock
  log: Log
}

/** What a node does for the sake of the others: follows what they change, and looks after what those leave that are gone. */
export function createSharing(parts: SharingParts): { close(): Promise<void> } {
  const { shared, telemetry, clock, log, domain } = parts
  const { nodes, changes } = shared
  const follow = createFollower(parts)
  const adoption = createAdoption({
    nodes,
    clock,
    log,
    adopt: shared.adopt,
    writers: () => Object.keys(telemetry.end()),
  })
  changes.follow(async (change) => {
    try {
      await follow(change)
    } catch (err) {
      log.error('what another node changed could not be read; it is read again', { collection: change.collection, err })
      throw err
    }
  })
  const gone = new Set<string>()
  const adopted = new Set<string>()
  nodes.membership.onLook(async () => {
    for (const { id, record } of nodes.membership.nodes()) {
      if (!record.gone) continue
      const life = `${id}/${record.session}`
      // It may have changed something and died before it could tell.
      if (!gone.has(life)) changes.doubt()
      gone.add(life)
      if (!nodes.hasWork() || adopted.has(life)) continue
      adopted.add(life)
      domain.presence.adopt(id)
    }
  })
  return {
    close() {
      changes.follow(async () => undefined)
      return adoption.close()
    },
  }
}
