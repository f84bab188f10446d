import type { Duplex } from 'node:stream'

/**
 * Reads a stream's first bytes until `decide` answers, and puts them back, so that whoever comes next reads from the beginning.
 * `gone` = the peer left, or the connection was closed here.
 */
export function readAhead<T>(stream: Duplex, decide: (bytes: Buffer) => T | undefined): Promise<T | 'gone'> {
  return new Promise((resolve) => {
    let room: Buffer = Buffer.alloc(0)
    let length = 0
    const settle = (answer: T | 'gone'): void => {
      stream.off('readable', look)
      stream.off('end', gone)
      stream.off('close', gone)
      resolve(answer)
    }
    const gone = (): void => settle('gone')
    const look = (): void => {
      const chunk: unknown = stream.read()
      if (!Buffer.isBuffer(chunk)) return
      // Room is doubled: byte by byte, a peer must not make each byte cost all that came before it.
      if (length === 0) room = chunk
      else if (length + chunk.length > room.length) {
        const larger = Buffer.allocUnsafe(2 * (length + chunk.length))
        room.copy(larger, 0, 0, length)
        room = larger
      }
      if (length > 0) chunk.copy(room, length)
      length += chunk.length
      const seen = room.subarray(0, length)
      const answer = decide(seen)
      if (answer === undefined) return
      stream.unshift(seen)
      settle(answer)
    }
    if (stream.destroyed || stream.readableEnded) return resolve('gone')
    stream.on('readable', look)
    stream.on('end', gone)
    stream.on('close', gone)
    // What another reader has put back is there already.
    look()
  })
}
