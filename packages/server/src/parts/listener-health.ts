import type { Listener } from '@patchbay/contracts/system'
import type { ServiceOwner } from '@patchbay/plugin-host/services'

/** Tells an instance how its listeners are, all together: one that listens says nothing of another that does not. */
export function createListenerHealth(owner: Pick<ServiceOwner, 'health'>) {
  const troubles = new Map<string, string>()
  return (name: string) =>
    (state: Listener['state'], detail: string | undefined): void => {
      if (state === 'degraded') troubles.set(name, `${name}: ${detail ?? 'it does not listen'}`)
      else troubles.delete(name)
      if (troubles.size > 0) owner.health('degraded', [...troubles.values()].join(' '))
      else owner.health('ok')
    }
}
