import type { Log } from '@patchbay/sdk'
import { currentOwner, runUnowned } from './owner.ts'

/**
 * For the process's `unhandledRejection` and `uncaughtException`: true = the error was an instance's own, which is counted as crashed
 * and started again; false = nobody's, the caller decides.
 *
 * @example
 * const caught = createCrashCatcher(log)
 * process.on('uncaughtException', (error) => { if (!caught(error)) end(error) })
 * process.on('unhandledRejection', (error) => { if (!caught(error)) end(error) })
 */
export function createCrashCatcher(log: Log): (error: unknown) => boolean {
  return (error) => {
    const owner = currentOwner()
    if (!owner) return false
    runUnowned(() => {
      log.error('an error of a plugin that nobody awaited', { plugin: owner.plugin, instance: owner.name })
      owner.crashed(error)
    })
    return true
  }
}
