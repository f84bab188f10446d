import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const startWithinMs = 30_000
const stopWithinMs = 10_000

export class ChildError extends Error {
  override readonly name = 'ChildError'
}

export interface Child {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** Starts a node process and waits until it prints an address with its port. */
export async function startChild(args: readonly string[], env: Record<string, string>): Promise<Child> {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ChildError(`no start within ${startWithinMs} ms:\n${text}`)),
      startWithinMs,
    )
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      const found = /https?:\/\/[^\s:]+:(\d+)/.exec(text)
      if (!found) return
      clearTimeout(timer)
      resolve(Number(found[1]))
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => reject(new ChildError(`ended with ${code}:\n${text}`)))
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
      await ended
      clearTimeout(timer)
    },
  }
}
