import { HostError } from '../errors.ts'
import { createFrameWindow } from './frame-window.ts'
import { createPacker, type Entry, type Frame } from './wire.ts'

/** Messages that wait together are sent together; this many, these bytes or characters do not wait any longer. */
export const batchEntries = 200
export const batchBytes = 256 * 1024
export const batchText = 128 * 1024
/** Messages without an answer that wait for the other side: from here on, what may get lost does. */
export const crowdedCasts = 10_000
/** And that wait at most. */
export const maxHeldCasts = 100_000

/** What goes to the other side, in frames. */
export interface Outbox {
  /** Too much waits already for what may get lost. */
  readonly crowded: boolean
  /** Says how many characters it took. Throws what cannot be sent. */
  post(entry: Entry): number
  /** Goes before all that waits. */
  postFirst(entry: Entry): void
  /** Sends what waits, as far as the other side has room. */
  flush(): void
  /** The other side has looked at so many frames since the beginning. */
  looked(frames: number): void
}

/** `paced`: it waits while it is too far ahead of the other side, which tells what it looked at. */
export function createOutbox(send: (frame: Frame) => void, paced: boolean): Outbox {
  const window = paced ? createFrameWindow() : undefined
  const packer = createPacker()
  let held: { frame: Frame; casts: number }[] = []
  /** In frames that are held, and in the one that is packed. */
  let heldCasts = 0
  let casts = 0
  let flushing: NodeJS.Immediate | undefined

  const isOpen = (): boolean => window?.open ?? true
  const isFull = (): boolean => packer.entries >= batchEntries || packer.bytes >= batchBytes || packer.text >= batchText
  const go = (frame: Frame): void => {
    window?.sent(frame)
    send(frame)
  }
  const flush = (): void => {
    if (flushing) clearImmediate(flushing)
    flushing = undefined
    let gone = 0
    for (let next = held[0]; next && isOpen(); next = held[gone]) {
      gone += 1
      heldCasts -= next.casts
      go(next.frame)
    }
    if (gone > 0) held = held.slice(gone)
    if (packer.entries === 0) return
    const mayGo = held.length === 0 && isOpen()
    if (!mayGo && !isFull()) return
    const frame = packer.take()
    if (mayGo) go(frame)
    else {
      held.push({ frame, casts })
      heldCasts += casts
    }
    casts = 0
  }

  return {
    get crowded() {
      return heldCasts + casts >= crowdedCasts
    },
    post(entry) {
      if (heldCasts + casts >= maxHeldCasts && entry.kind === 'cast')
        throw new HostError('PLUGIN_LIMIT', `${maxHeldCasts} messages wait for the host already.`)
      const before = packer.text
      packer.add(entry)
      const took = packer.text - before
      if (entry.kind === 'cast') casts += 1
      if (isFull()) flush()
      else flushing ??= setImmediate(flush)
      return took
    },
    postFirst(entry) {
      const first = createPacker()
      first.add(entry)
      held.unshift({ frame: first.take(), casts: 0 })
      flush()
    },
    flush,
    looked(frames) {
      window?.looked(frames)
      flush()
    },
  }
}
