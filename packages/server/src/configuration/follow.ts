import type { ConfigurationOutcome, ConfiguredItem } from '@patchbay/contracts/configuration'
import type { RaiseSystem } from '@patchbay/core/alerts/system-alerts'
import type { Log } from '@patchbay/sdk'
import type { Insider } from '../rest/inside.ts'
import type { Configuration } from './configuration.ts'
import { ConfigurationFault, fingerprint, readDemand } from './files.ts'
import type { Ownership } from './ownership.ts'
import type { Environment } from './placeholders.ts'
import type { Demand } from './wanted.ts'

/** How often the files are looked at. */
export const lookMs = 2000
/** What was refused (a remote that does not answer yet) is tried again after this. */
export const againMs = 30_000
const maxTold = 3

export interface FollowOptions {
  /** PATCHBAY_CONFIG. */
  path: string
  /** As the files were read before the platform was built. */
  first: Demand
  configuration: Configuration
  ownership: Ownership
  env: Environment
  alerting: { raiseSystem: RaiseSystem; clearSystem: RaiseSystem }
  log: Log
  lookMs?: number
}

export interface Followed {
  /** Applies what was read first. Does not reject. */
  begin(): Promise<void>
  /** Ends after the thing that is being written. */
  close(): Promise<void>
}

const self: Insider = {
  caller: { kind: 'key', id: 'configuration', role: 'owner', permissions: ['*'], actor: 'configuration' },
  peer: { address: '', encrypted: true },
  ownsFiles: true,
}

const toSentence = ({ where, kind, id, problem }: ConfiguredItem): string => {
  const [error] = problem?.errors ?? []
  const place = where === undefined ? `${kind} ${id}` : `${where}${error?.path ?? ''}`
  return `${place}: ${problem?.detail ?? ''}`
}

/** Applies the files of PATCHBAY_CONFIG, and again when they change. What they cannot say well leaves in force what they said before. */
export function followFiles(options: FollowOptions): Followed {
  const { path, configuration, ownership, env, alerting, log } = options
  let seen = ''
  let settling = ''
  let demand = options.first
  let againAtMs = Number.POSITIVE_INFINITY
  let told = ''
  let working: Promise<void> | undefined
  const closing = new AbortController()

  const tell = async (text: string): Promise<void> => {
    if (text === told) return
    const before = told
    told = text
    try {
      if (text !== '') await alerting.raiseSystem('configuration-refused', undefined, text)
      else if (before !== '')
        await alerting.clearSystem('configuration-refused', undefined, 'The configuration is applied as a whole.')
    } catch (error) {
      log.error('the alert on the configuration could not be written', { err: error })
    }
  }

  const report = async (outcome: ConfigurationOutcome): Promise<void> => {
    const refused = outcome.items.filter(({ problem }) => problem !== undefined).map(toSentence)
    const { counts } = outcome
    if (counts.created + counts.changed + counts.deleted > 0) log.info('the configuration was applied', { ...counts })
    else if (refused.length === 0) log.info('the configuration is as its files say', { same: counts.same })
    againAtMs = refused.length > 0 ? performance.now() + againMs : Number.POSITIVE_INFINITY
    const text = refused.slice(0, maxTold).join(' ')
    // Not again for each try.
    if (text !== told) for (const each of refused.slice(0, maxTold)) log.error(`refused: ${each}`)
    await tell(text)
  }

  const apply = async (): Promise<void> => {
    try {
      ownership.take(demand)
      await report(await configuration.apply(self, demand, { dryRun: false, env, signal: closing.signal }))
    } catch (error) {
      // The store is away, or a fault of ours: both may pass.
      log.error('the configuration could not be applied', { err: error })
      againAtMs = performance.now() + againMs
    }
  }

  const readAgain = async (): Promise<void> => {
    try {
      demand = await readDemand(path)
    } catch (error) {
      if (!(error instanceof ConfigurationFault)) throw error
      log.error(`PATCHBAY_CONFIG was changed and cannot be used: ${error.message}`)
      await tell(error.message)
      return
    }
    await apply()
  }

  const look = async (): Promise<void> => {
    let now: string
    try {
      now = await fingerprint(path)
    } catch (error) {
      // Gone, or being replaced: what it said stays in force.
      now = `unreadable: ${error instanceof Error ? error.message : String(error)}`
    }
    // Twice the same: nobody is writing any more.
    const isSettled = now === settling
    settling = now
    if (now !== seen && isSettled) {
      seen = now
      await readAgain()
    } else if (performance.now() >= againAtMs) await apply()
  }

  const timer = setInterval(() => {
    if (working || closing.signal.aborted) return
    working = look()
      .catch((error: unknown) => log.error('the files of the configuration cannot be followed', { err: error }))
      .finally(() => (working = undefined))
  }, options.lookMs ?? lookMs)
  timer.unref()

  return {
    async begin() {
      try {
        seen = await fingerprint(path)
        settling = seen
      } catch (error) {
        // It was read a moment ago; the next look says what has become of it.
        log.warn('PATCHBAY_CONFIG is gone', { err: error })
      }
      working = apply()
      await working
      working = undefined
    },
    async close() {
      closing.abort()
      clearInterval(timer)
      await working
    },
  }
}
