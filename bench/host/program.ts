import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const stopTimeoutMs = 15_000

/** A program that the bench has started and ends again. */
export interface Program {
  readonly pid: number
  readonly child: ChildProcess
  output(): string
  /** Resolves with the first match in what it prints. */
  prints(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray>
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
// Whatever way the bench ends, nothing of it stays behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

export function startProgram(command: string, args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let output = ''
  const hearers = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const hear of hearers) hear()
    })
  }
  let failed: Error | undefined
  child.once('error', (error) => (failed = error))
  child.once('close', () => {
    running.delete(child)
    for (const hear of hearers) hear()
  })
  const ended = (): boolean => failed !== undefined || child.exitCode !== null || child.signalCode !== null

  return {
    pid: child.pid ?? 0,
    child,
    output: () => output,
    prints(pattern, timeoutMs) {
      return new Promise((resolve, reject) => {
        const finish = (found: RegExpExecArray | Error): void => {
          clearTimeout(late)
          hearers.delete(look)
          if (found instanceof Error) reject(found)
          else resolve(found)
        }
        const look = (): void => {
          const found = pattern.exec(output)
          if (found) finish(found)
          else if (ended()) finish(new Error(`${command} ended: ${failed?.message ?? output}`))
        }
        const late = setTimeout(() => finish(new Error(`${command} did not start in time:\n${output}`)), timeoutMs)
        hearers.add(look)
        look()
      })
    },
    async stop() {
      if (ended()) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      await once(child, 'close')
      clearTimeout(late)
    },
  }
}
