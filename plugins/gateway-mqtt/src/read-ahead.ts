import type { Duplex } from 'node:stream'

/**
 * Reads a stream's first bytes until `decide` answers, and puts them back, so that whoever comes next reads from the beginning.
 * `gone` = the peer left, or the connection was closed here.
 */
export function readAhead<T>(stream: Duplex, decide: (bytes: Buffer) => T | undefined): Promise<T | 'gone'> {
  return new Promise((resolve) => {
    let seen: Buffer | undefined
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
      seen = seen ? Buffer.concat([seen, chunk]) : chunk
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
