import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shareCompiled } from './compiled.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** What `npm start` runs, taken apart: the variables before `exec node`, and the flags and the entry after it. */
const readStartScript = (): { env: Record<string, string>; args: string[] } => {
  const script: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.start
  const [before = '', after = ''] = script.split(/exec node /)
  const assignments = before.trim().split(/\s+/).filter(Boolean)
  return {
    env: Object.fromEntries(assignments.map((each) => each.split('=') as [string, string])),
    args: after.split(/\s+/).map((each) => (each.endsWith('.js') ? join(root, each) : each)),
  }
}
/** As start.js runs the warm-up: what was compiled with other flags is kept apart. */
const wrapperFlags = ['--wasm-wrapper-tiering-budget=2147483647']
const startDeadlineMs = 30_000

/** An owner's key for tests: the value is given to each server by PATCHBAY_API_KEY. */
export const testKey = 'test-key-of-the-suites-0123456789abcdef'

export interface ServerProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly url: string
  /** From spawn to listening, ms. */
  readonly startMs: number
  /** Everything the server printed so far. */
  output(): string
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>
  /** SIGTERM; answers the exit code and how long it took. */
  stop(): Promise<{ code: number | null; ms: number }>
}

export interface StartOptions {
  data: string
  env?: Record<string, string>
  /** A first start like a person's, which compiles everything itself. */
  isCold?: boolean
  /** Flags of node itself, such as --expose-gc. */
  nodeFlags?: string[]
}

const toEnv = (data: string, env: Record<string, string>): Record<string, string> => ({
  ...readStartScript().env,
  PATH: process.env['PATH'] ?? '',
  PATCHBAY_PORT: '0',
  PATCHBAY_MQTT_PORT: '0',
  PATCHBAY_MQTTS_PORT: '0',
  PATCHBAY_COAP_PORT: '0',
  PATCHBAY_COAPS_PORT: '0',
  PATCHBAY_AMQP_PORT: '0',
  PATCHBAY_DATA: data,
  PATCHBAY_API_KEY: testKey,
  ...env,
})

/** Starts it for one that must end by itself: the exit code and all that it printed. */
export const runToExit = ({ data, env = {} }: StartOptions): Promise<{ code: number | null; text: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, readStartScript().args, { env: toEnv(data, env) })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const deadline = setTimeout(() => child.kill('SIGKILL'), startDeadlineMs)
    child.once('close', (code) => {
      clearTimeout(deadline)
      resolve({ code, text })
    })
  })

/** The whole product as its own process: the node binary, never npm, so that a signal reaches the server itself. */
export const startServer = async ({ data, env = {}, nodeFlags = [], isCold }: StartOptions): Promise<ServerProcess> => {
  if (!isCold) await shareCompiled(data, wrapperFlags)
  const began = performance.now()
  const script = readStartScript()
  const child = spawn(process.execPath, [...nodeFlags, ...script.args], {
    env: toEnv(data, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const port = await new Promise<number>((resolve, reject) => {
    const deadline = setTimeout(
      () => reject(new Error(`no start within ${startDeadlineMs} ms:\n${text}`)),
      startDeadlineMs,
    )
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
      const found = /https?:\/\/[^\s:]+:(\d+)\/?/.exec(text)
      if (!found) return
      clearTimeout(deadline)
      resolve(Number(found[1]))
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => {
      clearTimeout(deadline)
      reject(new Error(`ended with ${code} before listening:\n${text}`))
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
    port,
    url: `http://127.0.0.1:${port}`,
    startMs: performance.now() - began,
    output: () => text,
    async kill() {
      child.kill('SIGKILL')
      await gone()
    },
    async stop() {
      const from = performance.now()
      child.kill('SIGTERM')
      await gone()
      return { code: child.exitCode, ms: performance.now() - from }
    },
  }
}

/** A data folder of its own; remove it when done. */
export const makeDataFolder = async (): Promise<{ path: string; remove: () => Promise<void> }> => {
  const path = await mkdtemp(join(tmpdir(), 'patchbay-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
