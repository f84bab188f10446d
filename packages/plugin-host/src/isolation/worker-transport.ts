import { Worker } from 'node:worker_threads'
import { HostError } from '../errors.ts'
import type { Frame } from './wire.ts'
import type { Lane, LaneOptions } from './lane.ts'

const isFrame = (value: unknown): value is Frame =>
  typeof value === 'object' &&
  value !== null &&
  'text' in value &&
  typeof value.text === 'string' &&
  'bytes' in value &&
  value.bytes instanceof Uint8Array

const ofError = (error: unknown, memoryMb: number): Error => {
  if (error instanceof Error && Reflect.get(error, 'code') === 'ERR_WORKER_OUT_OF_MEMORY')
    return new HostError('PLUGIN_OUT_OF_MEMORY', `It needed more than its ${memoryMb} MB of memory.`)
  return error instanceof Error ? error : new HostError('PLUGIN_EXITED', String(error))
}

/** What is made and dropped again: more would only be held longer. */
const youngMb = 8

/** A worker thread: no environment, a heap of its own with a limit, and nothing of the host's memory. */
export function openWorkerLane({ start, memoryMb, compileCache, output }: LaneOptions): Lane {
  const worker = new Worker(start, {
    env: {},
    argv: [],
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    workerData: { compileCache },
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: youngMb },
  })
  worker.stdout.on('data', (chunk: Buffer) => output(chunk))
  worker.stderr.on('data', (chunk: Buffer) => output(chunk))
  let why: Error | undefined
  worker.on('error', (error: unknown) => {
    why ??= ofError(error, memoryMb)
  })
  const ended = new Promise<Error>((resolve) => {
    worker.on('exit', (code) =>
      resolve(why ?? new HostError('PLUGIN_EXITED', `It ended its worker by itself, with exit code ${code}.`)),
    )
  })
  return {
    transport: {
      send: (frame) => worker.postMessage(frame, [frame.bytes.buffer]),
      receive: (hear) =>
        void worker.on('message', (value: unknown) => {
          if (isFrame(value)) hear(value)
          else hear({ text: '', bytes: new Uint8Array() })
        }),
    },
    ended,
    async end() {
      await worker.terminate()
      await ended
    },
  }
}
