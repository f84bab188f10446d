import { getCompileCacheDir } from 'node:module'
import type { Log } from '@patchbay/sdk'
import type { Clock } from '../clock.ts'
import { HostError } from '../errors.ts'
import { isRecord } from '../config/plain.ts'
import { type Channel, createChannel, type Handler, maxCallBytes } from './channel.ts'
import { maxBytesAhead, maxFramesAhead, maxTextAhead } from './frame-window.ts'
import type { InboxLimits } from './inbox.ts'
import { createIntake } from './intake.ts'
import type { Apart } from './level.ts'
import { createLogHandler } from './log-handler.ts'
import { batchBytes, batchText } from './outbox.ts'
import { platformFolders } from './platform-folders.ts'
import { createPing } from './ping.ts'
import { openProcessLane } from './process-transport.ts'
import { maxMessageText } from './wire.ts'
import { openWorkerLane } from './worker-transport.ts'

const maxFrameText = batchText + maxMessageText + 256

export const inboxLimits: InboxLimits = {
  messagesPerSecond: 100_000,
  textPerSecond: 32 * 1024 * 1024,
  maxFrameText,
  maxWaitingFrames: maxFramesAhead,
  maxWaitingText: maxTextAhead + maxFrameText,
  maxWaitingBytes: maxBytesAhead + batchBytes + maxCallBytes,
}
const maxOutputChars = 1_000
const bytesOfMb = 1024 * 1024

/** One for all: they share the loop. */
const intake = createIntake()

export interface IsolateOptions {
  level: Apart
  /** Folders of the plugin: its code, and its data where it may have one. */
  folder: string
  writable: readonly string[]
  memoryMb: number
  handlers: ReadonlyMap<string, Handler>
  log: Log
  clock: Clock
  pingMs: number
}

export interface Isolate {
  readonly channel: Channel
  /** Resolves with the reason when it goes by itself, or is ended because it does not answer or goes beyond a limit. */
  readonly broken: Promise<Error>
  /** From now on it has to answer. Until its code is loaded, other deadlines hold. */
  watch(): void
  end(): Promise<void>
}

/** Opens a worker or process with nothing of the plugin in it yet, and watches it. */
export function openIsolate(options: IsolateOptions): Isolate {
  const { level, clock, log, memoryMb, pingMs } = options
  const open = level === 'worker' ? openWorkerLane : openProcessLane
  const write = createLogHandler(log)
  const lane = open({
    start: new URL('./guest-start.js', import.meta.url),
    memoryMb,
    compileCache: getCompileCacheDir(),
    readable: [...platformFolders(), options.folder, ...options.writable],
    writable: options.writable,
    output: (chunk) =>
      write({
        level: 'info',
        message: 'output of the plugin',
        fields: { text: chunk.toString().slice(0, maxOutputChars) },
      }),
  })
  let tell: (error: Error) => void = () => undefined
  const broken = new Promise<Error>((resolve) => (tell = resolve))
  let over = false

  const end = async (why: Error): Promise<void> => {
    over = true
    ping.stop()
    channel.close(why)
    await lane.end()
  }
  const breakOff = (error: Error): void => {
    if (over) return
    tell(error)
    end(error).catch((failure: unknown) => log.error('the plugin could not be ended', { err: failure }))
  }
  const channel = createChannel({
    transport: lane.transport,
    handlers: options.handlers,
    broken: breakOff,
    untrusted: { ...inboxLimits, intake },
  })
  void lane.ended.then(breakOff)

  const assertMemory = (value: unknown): void => {
    const bytes = isRecord(value) ? value['externalBytes'] : undefined
    if (typeof bytes === 'number' && bytes > memoryMb * bytesOfMb)
      throw new HostError('PLUGIN_OUT_OF_MEMORY', `It holds more than its ${memoryMb} MB of memory in buffers.`)
  }
  const ping = createPing({ channel, clock, everyMs: pingMs, look: assertMemory, hung: breakOff })

  return {
    channel,
    broken,
    watch() {
      if (!over) ping.start()
    },
    end: () => end(new HostError('PLUGIN_STOPPED')),
  }
}
