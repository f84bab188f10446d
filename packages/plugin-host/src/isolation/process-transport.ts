import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { HostError } from '../errors.ts'
import { createStreamTransport } from './byte-stream.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { watchOrphan } from './orphan-watch.ts'

/** Enough of the last output to see why it died. */
const tailChars = 4_096

const exitReason = (code: number | null, signal: string | null, tail: string, memoryMb: number): Error => {
  if (tail.includes('heap out of memory'))
    return new HostError('PLUGIN_OUT_OF_MEMORY', `It needed more than its ${memoryMb} MB of memory.`)
  const how = signal === null ? `with exit code ${code}` : `by the signal ${signal}`
  return new HostError('PLUGIN_EXITED', `Its process ended by itself, ${how}.`)
}

/**
 * A process of its own: no environment, files by Node's permission flags, no processes and no workers of its own. Both flags bound what the
 * code does by Node's normal calls; the network is not bounded.
 */
export function openProcessLane({ start, memoryMb, compileCache, readable, writable, output }: LaneOptions): Lane {
  const child = spawn(
    process.execPath,
    [
      '--permission',
      ...[...readable, ...(compileCache === undefined ? [] : [compileCache])].map((path) => `--allow-fs-read=${path}`),
      ...writable.map((path) => `--allow-fs-write=${path}`),
      `--max-old-space-size=${memoryMb}`,
      '--disable-warning=SecurityWarning',
      fileURLToPath(start),
      ...(compileCache === undefined ? [] : [compileCache]),
    ],
    { env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], windowsHide: true },
  )
  const unwatch = child.pid === undefined ? undefined : watchOrphan(child.pid)
  let tail = ''
  let why: Error | undefined
  const hearOutput = (chunk: Buffer): void => {
    tail = (tail + chunk.toString()).slice(-tailChars)
    output(chunk)
  }
  child.stdout?.on('data', hearOutput)
  child.stderr?.on('data', hearOutput)
  const ended = new Promise<Error>((resolve) => {
    child.once('error', (cause) =>
      resolve(new HostError('PLUGIN_EXITED', `Its process cannot be started: ${cause.message}`, { cause })),
    )
    // Not `exit`: the last words on its standard error say whether its memory was used up.
    child.once('close', (code, signal) => {
      unwatch?.()
      resolve(why ?? exitReason(code, signal, tail, memoryMb))
    })
  })
  const pipe = child.stdio[3]
  if (!(pipe instanceof Duplex)) throw new HostError('PLUGIN_EXITED', 'Its process has no pipe to the host.')
  // The end of the process is told by `close`.
  pipe.on('error', () => undefined)
  return {
    transport: createStreamTransport(pipe, (error) => {
      why = error
      child.kill('SIGKILL')
    }),
    ended,
    async end() {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        const gone = once(child, 'close')
        child.kill('SIGKILL')
        await gone
      }
      pipe.destroy()
      await ended
    },
  }
}
