import type { Reading } from './dataset.ts'
import type { Recording } from './recording.ts'

/** A message to be sent: which simulated device, when (milliseconds since 1970), what. */
export interface Due {
  device: number
  at: number
  reading: Reading
}

/** One simulated device's walk through its recording, from a place of its own so that twins do not speak in chorus. */
export interface Walk {
  recording: Recording
  first: number
}

const readingOf = (walk: Walk, index: number): Reading => {
  const reading = walk.recording.readings[index % walk.recording.readings.length]
  if (!reading) throw new Error(`the recording of ${walk.recording.device} is empty`)
  return reading
}

/** The recorded distance from one reading to the next, in milliseconds; never below 0, whatever the recorded clock did. */
function gapMs(walk: Walk, index: number): number {
  const { readings, roundGapMs } = walk.recording
  const here = index % readings.length
  if (here === readings.length - 1) return roundGapMs
  return Math.max(0, readingOf(walk, here + 1).at - readingOf(walk, here).at)
}

/** Evenly `ratePerSecond` messages over all devices, in turn. The n-th is due at start + n / rate: a late one does not shift the rest. */
export function* byRate(walks: readonly Walk[], ratePerSecond: number, startMs: number): Generator<Due> {
  const positions = walks.map((walk) => walk.first)
  for (let n = 0; ; n++) {
    const device = n % walks.length
    const walk = walks[device]
    if (!walk) return
    const position = positions[device] ?? 0
    positions[device] = position + 1
    yield { device, at: startMs + (n * 1000) / ratePerSecond, reading: readingOf(walk, position) }
  }
}

/** Of a schedule, each walk's recording once, as far as from where it starts to its end. */
export function* once(schedule: Iterable<Due>, walks: readonly Walk[]): Generator<Due> {
  const left = walks.map(({ recording, first }) => recording.readings.length - first)
  let waiting = left.length
  for (const due of schedule) {
    const rest = left[due.device] ?? 0
    if (rest > 0) yield due
    left[due.device] = rest - 1
    if (rest === 1 && --waiting === 0) return
  }
}

/** The recorded distances divided by `speed`; devices start spread over their first gap by `random`. */
export function* bySpeed(walks: readonly Walk[], speed: number, startMs: number, random: () => number): Generator<Due> {
  // A binary heap of devices by the time of their next message.
  const heap = walks.map((walk, device) => ({
    device,
    walk,
    position: walk.first,
    at: startMs + (random() * gapMs(walk, walk.first)) / speed,
  }))
  heap.sort((a, b) => a.at - b.at)
  for (;;) {
    const top = heap[0]
    if (!top) return
    yield { device: top.device, at: top.at, reading: readingOf(top.walk, top.position) }
    // A recording whose readings share one time would spin on the spot; a microsecond keeps it moving.
    top.at += Math.max(0.001, gapMs(top.walk, top.position) / speed)
    top.position++
    let hole = 0
    for (;;) {
      const left = 2 * hole + 1
      const a = heap[left]
      const b = heap[left + 1]
      const child = a && b && b.at < a.at ? left + 1 : left
      const least = heap[child]
      if (!least || least.at >= top.at) break
      heap[hole] = least
      hole = child
    }
    heap[hole] = top
  }
}
