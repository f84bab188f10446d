import { refuse } from './errors.ts'

/** Polls of one device that may wait at once: one, and those whose client has just gone. */
const maxPollsPerDevice = 4
const maxPolls = 10_000

/** Counts the polls that are waiting. `enter` throws Refused when there is no room; its answer leaves. */
export function createPolls(limits = { perDevice: maxPollsPerDevice, total: maxPolls }) {
  const waiting = new Map<string, number>()
  let total = 0
  return {
    enter(device: string): () => void {
      const mine = waiting.get(device) ?? 0
      if (mine >= limits.perDevice || total >= limits.total) throw refuse('HTTP_POLLS')
      waiting.set(device, mine + 1)
      total++
      return () => {
        total--
        const left = (waiting.get(device) ?? 1) - 1
        if (left === 0) waiting.delete(device)
        else waiting.set(device, left)
      }
    },
  }
}
