import type { Frame } from './wire.ts'

/**
 * Of what a guest sent and the host has not looked at: the SDK waits as soon as one of these is reached, so that only the last frame goes
 * beyond the sizes.
 */
export const maxFramesAhead = 16
export const maxTextAhead = 2 * 1024 * 1024
export const maxBytesAhead = 8 * 1024 * 1024

/** How far the guest is ahead of the host. */
export interface FrameWindow {
  readonly open: boolean
  sent(frame: Frame): void
  /** So many frames were looked at since the beginning. */
  looked(frames: number): void
}

export function createFrameWindow(): FrameWindow {
  // As numbers: the bytes of a frame are gone as soon as they were handed over.
  const sizes: { text: number; bytes: number }[] = []
  let text = 0
  let bytes = 0
  let lookedAt = 0
  return {
    get open() {
      return sizes.length < maxFramesAhead && text < maxTextAhead && bytes < maxBytesAhead
    },
    sent(frame) {
      sizes.push({ text: frame.text.length, bytes: frame.bytes.length })
      text += frame.text.length
      bytes += frame.bytes.length
    },
    looked(frames) {
      const news = sizes.splice(0, Math.max(0, frames - lookedAt))
      lookedAt += news.length
      for (const size of news) {
        text -= size.text
        bytes -= size.bytes
      }
    },
  }
}

/** What the host tells of it: half of a window at a time, so that the guest need not stop. */
export interface FrameReceipts {
  looked(frame: Frame): void
}

export function createFrameReceipts(tell: (frames: number) => void): FrameReceipts {
  let total = 0
  let frames = 0
  let text = 0
  let bytes = 0
  return {
    looked(frame) {
      total += 1
      frames += 1
      text += frame.text.length
      bytes += frame.bytes.length
      if (frames < maxFramesAhead / 2 && text < maxTextAhead / 2 && bytes < maxBytesAhead / 2) return
      frames = text = bytes = 0
      tell(total)
    },
  }
}
