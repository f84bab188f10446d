import type { RegistryStore } from '../registry/port.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import type { Deliverable, Source } from './port.ts'

/** Dead letters by instance, counted once. */
export interface LetterBook<T extends Deliverable> {
  of(instance: string): Promise<DeadLetters<T>>
  forget(instance: string): void
}

export function createLetterBook<T extends Deliverable>(
  registry: RegistryStore,
  source: Pick<Source<T>, 'toLetter' | 'ofLetter'>,
): LetterBook<T> {
  const known = new Map<string, Promise<DeadLetters<T>>>()
  return {
    of(instance) {
      const found = known.get(instance)
      if (found) return found
      const made = (async () => {
        const letters = createDeadLetters({ registry, instance, source })
        await letters.load()
        return letters
      })()
      known.set(instance, made)
      // What could not be counted is counted when it is asked for again.
      made.catch(() => known.delete(instance))
      return made
    },
    forget: (instance) => void known.delete(instance),
  }
}
