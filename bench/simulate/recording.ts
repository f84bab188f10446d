import type { Dataset, Reading, TypeSpec } from './dataset.ts'
import { readLorawan } from './lorawan.ts'
import { readNab } from './nab.ts'
import { readShelly } from './shelly.ts'

/** A recorded device, whole: replayed in a circle by any number of simulated ones. */
export interface Recording {
  device: string
  type: TypeSpec
  readings: readonly Reading[]
  /** Milliseconds from the last reading to the first of the next round. */
  roundGapMs: number
}

export const datasetNames = ['nab', 'lorawan', 'shelly'] as const
export type DatasetName = (typeof datasetNames)[number]

const readers: Record<DatasetName, () => Dataset> = { nab: readNab, lorawan: readLorawan, shelly: readShelly }

/** A device of which one reading is known repeats it at this pace. */
const lonelyGapMs = 60_000

/** Median distance of neighbours: some of the series are sampled unevenly, and a mean would follow their holes. */
function medianGapMs(readings: readonly Reading[]): number {
  const gaps: number[] = []
  for (let i = 1; i < readings.length; i++) gaps.push((readings[i]?.at ?? 0) - (readings[i - 1]?.at ?? 0))
  const sorted = gaps.sort((a, b) => a - b)
  return Math.max(1, sorted[sorted.length >> 1] ?? lonelyGapMs)
}

/** Reads whole data sets into recordings, one for each recorded device. */
export async function loadRecordings(names: readonly DatasetName[]): Promise<Recording[]> {
  const recordings: Recording[] = []
  for (const name of names) {
    const { types, readings } = readers[name]()
    const byDevice = new Map<string, Reading[]>()
    for await (const reading of readings) {
      const known = byDevice.get(reading.device)
      if (known) known.push(reading)
      else byDevice.set(reading.device, [reading])
    }
    for (const [device, list] of byDevice) {
      const type = types.get(device)
      if (!type) throw new Error(`data set ${name} has no type for its device ${device}`)
      recordings.push({ device, type, readings: list, roundGapMs: medianGapMs(list) })
    }
  }
  return recordings
}
