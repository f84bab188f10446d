import { spawn, spawnSync } from 'node:child_process'

/** The builds of libcoap's client, by what they speak DTLS with. */
export type CoapClientBuild = 'notls' | 'gnutls' | 'openssl'

/** Whether a program is on the PATH. */
export const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0

export interface CoapRun {
  /** What it printed: payloads on stdout, refusals (`4.01 …`) on stderr. */
  output(): string
  readonly done: Promise<string>
  stop(): void
}

/** Starts libcoap's client; it is ended when it takes longer than it may. */
export const startCoapClient = (build: CoapClientBuild, args: readonly string[], withinMs = 15_000): CoapRun => {
  const child = spawn(`coap-client-${build}`, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  const hear = (chunk: Buffer) => (text += chunk.toString())
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  const done = new Promise<string>((resolve) => {
    child.once('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
  return { output: () => text, done, stop: () => void child.kill() }
}

export const runCoapClient = (build: CoapClientBuild, args: readonly string[], withinMs?: number): Promise<string> =>
  startCoapClient(build, args, withinMs).done
