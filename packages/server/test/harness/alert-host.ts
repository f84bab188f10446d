import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AlertSignal } from '@patchbay/core/alerts/port'

const entry = fileURLToPath(new URL('../fixtures/alert-host.ts', import.meta.url))
const startDeadlineMs = 30_000

export interface AlertHost {
  readonly child: ChildProcess
  /** Told with each batch that is durable. */
  apply(n: number, signals: readonly AlertSignal[]): void
  errors(): string
  kill(): Promise<void>
  stop(): Promise<void>
}

/** The platform with one alert channel that posts to `url`, as its own process. */
export const startAlertHost = async (options: {
  data: string
  url: string
  env?: Record<string, string>
  onApplied: (n: number) => void
}): Promise<AlertHost> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, options.url], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PATCHBAY_DATA: options.data,
      PATCHBAY_PORT: '0',
      PATCHBAY_MQTT_PORT: '0',
      PATCHBAY_MQTTS_PORT: '0',
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-20_000)))
  // A kill may fall between two writes.
  child.stdin.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`no start:\n${errors}`)), startDeadlineMs)
    child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${errors}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line !== 'ready') options.onApplied(Number(line))
      else {
        clearTimeout(deadline)
        resolve()
      }
    })
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const gone = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return {
    child,
    errors: () => errors,
    apply: (n, signals) => void child.stdin.write(`${JSON.stringify({ n, signals })}\n`),
    async kill() {
      child.kill('SIGKILL')
      await gone()
    },
    async stop() {
      child.stdin.end()
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await gone()
      clearTimeout(late)
    },
  }
}
