import type { Duplex } from 'node:stream'
import type { Transport } from './channel.ts'
import { type Frame, maxFrameBytes } from './wire.ts'
import { HostError } from '../errors.ts'

const headerBytes = 8

/** Frames over a stream: the length of the text, that of the bytes, then both. */
export function createStreamTransport(stream: Duplex, broken: (error: Error) => void): Transport {
  return {
    send({ text, bytes }) {
      const said = Buffer.from(text)
      const header = Buffer.allocUnsafe(headerBytes)
      header.writeUInt32BE(said.length, 0)
      header.writeUInt32BE(bytes.length, 4)
      stream.cork()
      stream.write(header)
      stream.write(said)
      if (bytes.length > 0) stream.write(bytes)
      stream.uncork()
    },
    receive(hear) {
      let chunks: Buffer[] = []
      let held = 0
      let wanted = headerBytes
      const take = (): Frame | undefined => {
        if (held < wanted) return undefined
        const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
        if (!all) return undefined
        chunks = [all]
        const textBytes = all.readUInt32BE(0)
        const end = headerBytes + textBytes + all.readUInt32BE(4)
        if (end > maxFrameBytes)
          throw new HostError('PLUGIN_LIMIT', `One message has more than ${maxFrameBytes} bytes.`)
        wanted = end
        if (all.length < end) return undefined
        const frame = {
          text: all.toString('utf8', headerBytes, headerBytes + textBytes),
          // A copy: what is kept of it must not hold the whole chunk.
          bytes: Uint8Array.from(all.subarray(headerBytes + textBytes, end)),
        }
        chunks = end === all.length ? [] : [all.subarray(end)]
        held -= end
        wanted = headerBytes
        return frame
      }
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        held += chunk.length
        try {
          for (let frame = take(); frame; frame = take()) hear(frame)
        } catch (error) {
          stream.destroy()
          broken(error instanceof Error ? error : new HostError('PLUGIN_PROTOCOL'))
        }
      })
    },
  }
}
