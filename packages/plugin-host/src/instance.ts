import type { InstanceState, InstanceStatus } from '@patchbay/contracts/plugin'
import { isBadConfig, isNotReady, type Log } from '@patchbay/sdk'
import { createBackoff } from './backoff.ts'
import { toIso } from './clock.ts'
import { secretsOf } from './config/secrets.ts'
import { createCrashWindow } from './crash-window.ts'
import { HostError, type HostErrorCode, isHostError, toText } from './errors.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import type { InstanceSettings } from './instance-store.ts'
import { runUnowned } from './owner.ts'
import { createRun, type Run, type RunParts } from './run.ts'
import type { ScopeReport } from './scope.ts'

export const defaultStartMs = 10_000
export const defaultStopMs = 15_000
export const maxLimitMs = 60_000
/** After this long without a fault, the next one is the first again. */
export const steadyMs = 10 * 60_000
/** A setup that throws is tried this often again before a person has to look. */
export const maxSetupRetries = 2

export type StartOutcome = 'running' | 'not-ready' | 'bad-config' | 'failed' | 'interrupted'

export interface InstanceParts extends Omit<
  RunParts,
  'config' | 'settings' | 'startMs' | 'health' | 'crashed' | 'log' | 'dispatcher'
> {
  dispatcher: HttpDispatcher
  random(): number
  /** The log and the redactor of the configuration that runs. */
  logOf(config: unknown): { log: Log; redact: (text: string) => string }
  /** Noted durably before setup is called, and taken back when it has ended. */
  mark(starting: boolean): Promise<void>
  /** Calls on the instance one after the other; retries come through here, too. */
  serialize(work: () => Promise<void>): void
  hear(status: InstanceStatus): void
}

export interface LiveInstance {
  readonly status: InstanceStatus
  /** One attempt; what follows of it (a retry) comes by itself. */
  start(config: unknown, settings: InstanceSettings): Promise<StartOutcome>
  stop(): Promise<ScopeReport>
  /** Says whether the plugin goes on with a changed configuration; if not, nothing has happened. */
  take(config: unknown): Promise<boolean>
  /** Ends a start that is under way and any retry that waits, so that a stop need not wait for it. */
  interrupt(): void
  /** Sets a state from outside of a run: skipped at boot, stored configuration cannot be read. */
  settle(state: InstanceState, code?: HostErrorCode, text?: string): void
  /** What the last start or crash threw. */
  readonly lastError: unknown
}

const limit = (ms: number | undefined, normal: number): number => Math.min(ms ?? normal, maxLimitMs)
const codeOf = (error: unknown, normal: HostErrorCode): HostErrorCode => (isHostError(error) ? error.code : normal)

/** One instance's life: starting, running, retrying, down, stopped. Its calls must come one after the other. */
export function createInstance(parts: InstanceParts): LiveInstance {
  const { clock, manifest, name, dispatcher } = parts
  const startMs = limit(manifest.limits?.startMs, defaultStartMs)
  const stopMs = limit(manifest.limits?.stopMs, defaultStopMs)
  const backoff = createBackoff(() => parts.random())
  const crashes = createCrashWindow(clock)
  const mounts = manifest.contributes.http ?? []

  let status: InstanceStatus = { state: 'installed', since: toIso(clock.nowMicros()) }
  let run: Run | undefined
  let config: unknown
  let settings: InstanceSettings = {}
  let log: Log = parts.logOf(undefined).log
  let redact = (text: string): string => text
  let setupFailures = 0
  let interrupted = false
  let saidNotReady = false
  let lastError: unknown
  /** Of the attempt under way: it may come when setup has ended and its end is not noted yet. */
  const earlyCrashes: unknown[] = []
  let cancelTimer: () => void = () => undefined
  const troubles = new Map<'plugin' | 'service', string>()

  const secretText = (of: unknown): string => JSON.stringify(secretsOf(parts.plugin.configSchema, { ...Object(of) }))

  const set = (state: InstanceState, code?: HostErrorCode, text?: string, nextTryMs?: number): void => {
    status = {
      state,
      since: toIso(clock.nowMicros()),
      ...(code === undefined ? {} : { code }),
      ...(text === undefined ? {} : { text: redact(text) }),
      ...(nextTryMs === undefined ? {} : { nextTryAt: toIso(clock.nowMicros() + nextTryMs * 1000) }),
    }
    parts.hear(status)
  }

  const setRunning = (): void => {
    const state = troubles.size === 0 ? 'running' : 'degraded'
    const text = troubles.size === 0 ? undefined : [...troubles.values()].join(' ')
    // Of several listeners each says that it is well: that it has been so since then is not news.
    if (status.state !== state || status.text !== (text === undefined ? text : redact(text)))
      set(state, undefined, text)
  }

  const mark = async (starting: boolean): Promise<void> => {
    try {
      await parts.mark(starting)
    } catch (error) {
      log.warn('the start of the instance could not be noted', { err: error })
    }
  }

  const closeRun = async (): Promise<ScopeReport> => {
    const closing = run
    run = undefined
    cancelTimer()
    const report = closing ? await closing.close(stopMs) : { failures: [], left: [] }
    for (const { label, error } of report.failures) log.error('a release failed', { label, err: error })
    if (report.left.length > 0) log.error('not released in time', { left: report.left })
    return report
  }

  // A prefix that another instance answers is found when this one is mounted, and said there.
  const expectMounts = (): void => {
    try {
      dispatcher.expect(manifest.id, name, mounts)
    } catch (error) {
      log.debug('the prefix is answered by another instance', { err: error })
    }
  }

  const retry = (code: HostErrorCode, text: string): void => {
    const waitMs = backoff.nextMs()
    if (mounts.length > 0) expectMounts()
    set('retrying', code, text, waitMs)
    cancelTimer = clock.after(waitMs, () =>
      parts.serialize(async () => {
        if (status.state === 'retrying' && !interrupted) await attempt()
      }),
    )
  }

  const stayDown = (state: 'failed' | 'needs-config' | 'crash-loop', code: HostErrorCode, text: string): void => {
    dispatcher.forget(manifest.id, name)
    set(state, code, text)
  }

  /** What follows from a setup that did not succeed. */
  const afterFailure = (error: unknown): StartOutcome => {
    const text = toText(error)
    if (isNotReady(error)) {
      log[saidNotReady ? 'debug' : 'warn']('not ready; it is tried again', { err: error })
      saidNotReady = true
      retry('PLUGIN_NOT_READY', text)
      return 'not-ready'
    }
    if (isBadConfig(error)) {
      log.warn('the configuration is wrong', { path: error.path, err: error })
      stayDown('needs-config', 'PLUGIN_BAD_CONFIG', `${error.path}: ${text}`)
      return 'bad-config'
    }
    setupFailures += 1
    log.error('the start failed', { err: error, failures: setupFailures })
    const code = codeOf(error, 'PLUGIN_START_FAILED')
    if (setupFailures <= maxSetupRetries) retry(code, text)
    else stayDown('failed', code, text)
    return 'failed'
  }

  const attempt = async (): Promise<StartOutcome> => {
    cancelTimer()
    troubles.clear()
    earlyCrashes.length = 0
    if (mounts.length > 0) expectMounts()
    set('starting')
    await mark(true)
    const current = createRun({
      ...parts,
      config,
      settings,
      log,
      startMs,
      health(source, state, why) {
        if (state === 'ok') troubles.delete(source)
        else troubles.set(source, why ?? 'The plugin says it is degraded.')
        if (run === current && (status.state === 'running' || status.state === 'degraded')) setRunning()
      },
      crashed: (error) => runUnowned(() => crashed(current, error)),
    })
    run = current
    const failed = interrupted ? { error: new HostError('PLUGIN_STOPPED') } : await current.start()
    if (failed) await closeRun()
    await mark(false)
    if (!failed) {
      setRunning()
      cancelTimer = clock.after(steadyMs, () => {
        backoff.reset()
        setupFailures = 0
        saidNotReady = false
      })
      if (earlyCrashes.length > 0) crashed(current, earlyCrashes[0])
      return 'running'
    }
    if (interrupted) return 'interrupted'
    lastError = failed.error
    return afterFailure(failed.error)
  }

  const crashed = (of: Run, error: unknown): void => {
    log.error('crashed', { err: error })
    if (of !== run) return
    if (status.state === 'starting') {
      earlyCrashes.push(error)
      return of.fail(error)
    }
    lastError = error
    parts.serialize(async () => {
      // Several errors of one run are one crash.
      if (of !== run) return
      const loop = crashes.crash()
      set('stopping', 'PLUGIN_CRASHED', toText(error))
      await closeRun()
      if (loop)
        stayDown(
          'crash-loop',
          'PLUGIN_CRASH_LOOP',
          `It crashed three times within five minutes, at last with: ${toText(error)}`,
        )
      else retry('PLUGIN_CRASHED', toText(error))
    })
  }

  return {
    get status() {
      return status
    },
    get lastError() {
      return lastError
    },
    async start(nextConfig, nextSettings) {
      config = nextConfig
      settings = nextSettings
      ;({ log, redact } = parts.logOf(config))
      interrupted = false
      setupFailures = 0
      saidNotReady = false
      backoff.reset()
      crashes.reset()
      return attempt()
    },
    async take(nextConfig) {
      if (!run || (status.state !== 'running' && status.state !== 'degraded')) return false
      // The log that the plugin holds hides the secrets that it was started with, and no others.
      if (secretText(config) !== secretText(nextConfig) || !(await run.take(nextConfig))) return false
      config = nextConfig
      return true
    },
    async stop() {
      cancelTimer()
      const wasRunning = run !== undefined
      if (wasRunning) set('stopping')
      const report = await closeRun()
      dispatcher.forget(manifest.id, name)
      if (report.left.length > 0)
        set(
          'stop-failed',
          'PLUGIN_STOP_FAILED',
          `Not released in time: ${report.left.join(', ')}. Restart the server to be sure that it is gone.`,
        )
      else if (report.failures.length > 0)
        set(
          'stopped',
          'PLUGIN_STOP_FAILED',
          report.failures.map(({ label, error }) => `${label}: ${toText(error)}`).join('; '),
        )
      else if (status.state !== 'stopped') set('stopped')
      return report
    },
    interrupt() {
      interrupted = true
      cancelTimer()
      if (status.state === 'starting') run?.fail(new HostError('PLUGIN_STOPPED'))
    },
    settle: (state, code, text) => set(state, code, text),
  }
}
