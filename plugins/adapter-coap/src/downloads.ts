import { createHash } from 'node:crypto'
import { type Answer, answer, uintOption } from './answer.ts'
import { type Block, writeBlock } from './block.ts'
import { refuse } from './errors.ts'
import { limits } from './limits.ts'

interface Download {
  whole: Answer
  sinceMs: number
}

const etagBytes = 8

/** Cuts answers into blocks (RFC 7959, section 2.4), and keeps a body while its client fetches the rest: all blocks are of one state. */
export function createDownloads(now: () => number) {
  const downloads = new Map<string, Download>()
  let held = 0

  const drop = (key: string) => {
    const download = downloads.get(key)
    if (!download) return
    downloads.delete(key)
    held -= download.whole.payload.length
  }
  const dropOver = (nowMs: number, moreBytes: number) => {
    for (const [key, { sinceMs }] of downloads) {
      const isFull = downloads.size >= limits.downloads || held + moreBytes > limits.downloadBytes
      if (!isFull && nowMs - sinceMs < limits.downloadMs) return
      drop(key)
    }
  }

  function cut(whole: Answer, { number, bytes }: Pick<Block, 'number' | 'bytes'>): { part: Answer; more: boolean } {
    const { payload } = whole
    const from = number * bytes
    if (from > 0 && from >= payload.length) throw refuse('COAP_BLOCK', 'There is no such block.')
    const more = from + bytes < payload.length
    const etag = createHash('sha256').update(payload).digest().subarray(0, etagBytes)
    const options = [
      ...whole.options,
      // "the server SHOULD (…) use an ETag Option" so that blocks of two states are never put together
      { name: 'ETag', value: etag },
      { name: 'Block2', value: writeBlock({ number, more, bytes }) },
      ...(number === 0 ? [uintOption('Size2', payload.length)] : []),
    ]
    return { part: answer(whole.code, options, payload.subarray(from, from + bytes)), more }
  }

  return {
    /** The whole answer where it fits, else its block that is asked for, the first as a rule. */
    begin(key: string, whole: Answer, asked: Block | undefined): Answer {
      const bytes = Math.min(asked?.bytes ?? limits.blockBytes, limits.blockBytes)
      drop(key)
      if (whole.payload.length <= bytes && !asked?.number) return whole
      const { part, more } = cut(whole, { number: asked?.number ?? 0, bytes })
      if (more) {
        dropOver(now(), whole.payload.length)
        downloads.set(key, { whole, sinceMs: now() })
        held += whole.payload.length
      }
      return part
    },
    /** A later block of a body that is kept; undefined when none is. */
    next(key: string, asked: Block): Answer | undefined {
      const download = downloads.get(key)
      if (!download || asked.number === 0) return undefined
      const { part, more } = cut(
        // Observe belongs to the notification, not to the fetching of its blocks (RFC 7959, section 2.6).
        { ...download.whole, options: download.whole.options.filter(({ name }) => name !== 'Observe') },
        asked,
      )
      if (!more) drop(key)
      return part
    },
    sweep: () => dropOver(now(), 0),
    get size() {
      return downloads.size
    },
    get bytes() {
      return held
    },
  }
}

export type Downloads = ReturnType<typeof createDownloads>
