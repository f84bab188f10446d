import type { Listener, Storage } from '@patchbay/contracts/system'
import type { Static } from 'typebox'
import type { Fill } from '../../words/format.ts'
import type { Word } from '../../words/words.ts'

export interface Finding {
  word: Word
  fill: Fill
  to: string
  kind: 'bad' | 'warn'
}
export interface Looked {
  listeners?: readonly Pick<Static<typeof Listener>, 'name' | 'state'>[] | undefined
  storage?: Pick<Static<typeof Storage>, 'durability' | 'forecastDays'> | undefined
  failedJobs: number
  /** Names of plugin instances that do not run though they should. */
  badInstances: readonly string[]
  criticalAlerts: number
}
const soonDays = 14

/** What a person should know, the worst first; nothing when all is well. */
export const toFindings = ({
  listeners = [],
  storage,
  failedJobs,
  badInstances,
  criticalAlerts,
}: Looked): Finding[] => {
  const found: Finding[] = []
  const add = (kind: Finding['kind'], word: Word, to: string, fill: Fill = {}): unknown =>
    found.push({ kind, word, to, fill })
  if (criticalAlerts > 0) add('bad', 'home.critical', '/alerts', { n: criticalAlerts })
  if (badInstances.length > 0)
    add('bad', 'home.bad-plugins', '/plugins', { n: badInstances.length, names: badInstances.slice(0, 3).join(', ') })
  const degraded = listeners.filter(({ state }) => state === 'degraded')
  if (degraded.length > 0)
    add('bad', 'home.listeners', '/system', { n: degraded.length, names: degraded.map(({ name }) => name).join(', ') })
  if (storage?.forecastDays !== undefined && storage.forecastDays < soonDays)
    add('bad', 'home.storage', '/system', { n: Math.floor(storage.forecastDays) })
  if (failedJobs > 0) add('warn', 'home.jobs', '/jobs', { n: failedJobs })
  if (storage?.durability === 'relaxed') add('warn', 'home.relaxed', '/system')
  return found.sort((a, b) => Number(a.kind === 'warn') - Number(b.kind === 'warn'))
}
