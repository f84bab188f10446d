import type { Protection } from './cipher-suite.ts'
import type { ToRecord } from './flight.ts'

/** Numbers our records, each epoch by itself, and seals those of epoch 1. */
export function createRecordWriter(firstSequence: number) {
  const sequences: [number, number] = [firstSequence, 0]
  let protection: Protection | undefined

  const toRecord: ToRecord = (type, epoch, plaintext) => {
    const name = { type, epoch, sequence: sequences[epoch]++ }
    if (epoch === 0) return { ...name, fragment: plaintext }
    if (!protection) throw new TypeError('There are no keys for epoch 1 yet.')
    return { ...name, fragment: protection.seal(name, plaintext) }
  }
  return {
    toRecord,
    protect(with_: Protection): void {
      protection = with_
    },
  }
}

export type RecordWriter = ReturnType<typeof createRecordWriter>
