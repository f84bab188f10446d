import type { PluginManifest } from '@patchbay/contracts/plugin'

/** How far the code of an instance is kept apart: the host's own thread, a worker thread, a process of its own. */
export type IsolationLevel = PluginManifest['isolation']['least']
/** The levels at which code runs behind the boundary. */
export type Apart = Exclude<IsolationLevel, 'host'>

/**
 * Bundled plugins are reviewed code and get what their author asks for; everybody else's runs in a worker at least, unless an admin has
 * approved it at host level in so many words.
 */
export const levelOf = (manifest: Pick<PluginManifest, 'isolation'>, mayBeHost: boolean): IsolationLevel =>
  manifest.isolation.least === 'host' && !mayBeHost ? 'worker' : manifest.isolation.least

/** The heap of an instance, unless plugin.json says otherwise. */
export const defaultMemoryMb = 128
/** What starting a worker or process and loading its code may take. */
export const bootMs = 10_000
export const pingMs = 5_000
/** So many pings in a row without an answer, and the instance is taken for stuck. */
export const maxMissedPings = 2
