import { spawn } from 'node:child_process'

export interface Ran {
  code: number | null
  out: string
  error: string
}

const limitMs = 20_000

/** Runs a program to its end; it is ended when it takes too long. */
export const runProgram = (program: string, args: readonly string[], withinMs = limitMs): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ran: Ran = { code: null, out: '', error: '' }
    const deadline = setTimeout(() => child.kill('SIGKILL'), withinMs)
    child.stdout.on('data', (chunk: Buffer) => (ran.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (ran.error += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(deadline)
      resolve({ ...ran, code })
    })
  })
