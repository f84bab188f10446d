import type { Duplex } from 'node:stream'
import { maxFirstBytes } from './first-bytes.ts'

/** How looking at the first bytes ended: a value of the decision, too many bytes, or the peer has gone. */
export type Peeked<T> = { kind: 'decided'; as: T } | { kind: 'too-long' } | { kind: 'gone' }

/**
 * Reads a stream's first bytes until `decide` answers something else than `more`, puts them back, then calls `done` once, in the same
 * tick, so that the next owner reads everything from the beginning. The answer stops it; `done` is not called then.
 */
export function peek<T>(
  stream: Duplex,
  decide: (bytes: Buffer) => T | 'more',
  done: (peeked: Peeked<T>) => void,
): () => void {
  let seen: Buffer | undefined
  const stop = () => {
    stream.off('readable', look)
    stream.off('end', gone)
    stream.off('close', gone)
  }
  const gone = () => {
    stop()
    done({ kind: 'gone' })
  }
  function look(): void {
    const chunk: unknown = stream.read()
    if (!Buffer.isBuffer(chunk)) return
    seen = seen ? Buffer.concat([seen, chunk]) : chunk
    const as = decide(seen)
    if (as === 'more' && seen.length < maxFirstBytes) return
    stop()
    if (as === 'more') return done({ kind: 'too-long' })
    stream.unshift(seen)
    done({ kind: 'decided', as })
  }
  stream.on('readable', look)
  stream.on('end', gone)
  stream.on('close', gone)
  return stop
}
