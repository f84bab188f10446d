import { Socket } from 'node:net'
import { isMainThread, parentPort } from 'node:worker_threads'
import { createStreamTransport } from './byte-stream.ts'
import type { Transport } from './channel.ts'
import type { Frame } from './wire.ts'

/** The pipe that the host gave its child. */
const pipeFd = 3

const isFrame = (value: unknown): value is Frame => typeof value === 'object' && value !== null && 'text' in value

/** The way to the host from where this code runs. */
export function openGuestPort(): Transport {
  const port = parentPort
  if (!isMainThread && port)
    return {
      send: (frame) => port.postMessage(frame, [frame.bytes.buffer]),
      receive: (hear) => void port.on('message', (value: unknown) => void (isFrame(value) && hear(value))),
    }
  const pipe = new Socket({ fd: pipeFd, readable: true, writable: true })
  // Without its host there is nothing left to do, and nobody to tell.
  const leave = (): never => process.exit(0)
  pipe.once('close', leave).on('error', leave)
  return createStreamTransport(pipe, leave)
}
