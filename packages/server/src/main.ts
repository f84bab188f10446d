import { printBanner } from './banner.ts'
import { createLogger } from './log/log.ts'
import { createRecentLines } from './log/recent-lines.ts'
import { type Platform, startPlatform } from './platform.ts'
import { loadSettings } from './settings/load-settings.ts'
import type { Settings } from './settings/settings.ts'
import { toStartFailure } from './start-failure.ts'
import { collectStartGarbage } from './start-garbage.ts'

/** Contract section 1: 0 stopped, 1 failed at run time, 2 bad settings. */
const exitCodes = { stopped: 0, failed: 1, badSettings: 2 } as const
/** SIGTERM to exit; contract section 1. */
const stopDeadlineMs = 9500

const recent = createRecentLines()
const logger = createLogger(process.stdout, recent)
let platform: Platform | undefined
let stopping = false

const noticesOf = (settings: Settings): string[] => [
  ...(settings.durability === 'relaxed'
    ? ['PATCHBAY_DURABILITY is relaxed: a power cut may lose acknowledged data.']
    : []),
  ...(settings.openTopics.length > 0
    ? [`PATCHBAY_OPEN_TOPICS lets anybody on this machine use: ${settings.openTopics.join(', ')}`]
    : []),
  ...(settings.plain === 'loopback'
    ? []
    : [`PATCHBAY_PLAIN is ${settings.plain}: secrets may cross the network unencrypted.`]),
]

const fail = (error: unknown): void => {
  logger.fatal({ err: error }, 'Patchbay cannot go on')
  process.exitCode = exitCodes.failed
  // The process may be damaged: what was acknowledged is on disk, so an abrupt end loses nothing.
  process.exit()
}

// The signal may come twice (Ctrl-C reaches npm and us, and npm passes it on): the second must not cut the first short.
const stop = async (): Promise<void> => {
  if (stopping) return
  stopping = true
  setTimeout(() => fail(new Error(`not stopped within ${stopDeadlineMs} ms`)), stopDeadlineMs).unref()
  await platform?.stop()
  logger.info('stopped')
  process.exit(exitCodes.stopped)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop().catch(fail))
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    if (!platform?.caught(error)) fail(error)
  })
}

let settings: Settings | undefined
try {
  settings = await loadSettings(process.env)
  platform = await startPlatform({ settings, logger, env: process.env, recentLog: recent.list, onFatal: fail })
  collectStartGarbage()
  printBanner({ url: platform.url, data: settings.data, setupToken: platform.setupToken, notices: noticesOf(settings) })
} catch (error) {
  const failure = toStartFailure(error, settings ?? { host: '', data: '' })
  if (!failure) fail(error)
  else {
    console.error(failure.sentence)
    process.exit(exitCodes[failure.kind])
  }
}
