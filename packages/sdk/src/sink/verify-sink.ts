import { randomUUID } from 'node:crypto'
import type { SinkRecord } from '@patchbay/contracts/delivery'
import type { Sink } from '../contributions.ts'
import type { VerifyAbout, VerifyAnswer } from '../define-plugin.ts'
import { NotReady } from '../failures.ts'

/** What probes are from: no device can have this id. */
const probeDevice = '_patchbay_probe'

/** A record that no device sent, to see whether a target takes and keeps it. */
export const toProbe = (nowMicros: number = Date.now() * 1000): SinkRecord => ({
  id: `probe-${randomUUID()}`,
  device: probeDevice,
  type: 'probe',
  at: nowMicros,
  values: { probe: 1 },
})

/** The record is a probe of a test: no device sent it. */
export const isProbe = ({ device }: Pick<SinkRecord, 'device'>): boolean => device === probeDevice

/** A sink that is open for a test. */
export interface OpenedSink {
  sink: Sink
  /**
   * Reads the probe back and takes it away where the target lets it; answers what a person should hear, such as `InfluxDB 2.7 at http://…: wrote
   * and read one point`. Throws when it is not there.
   */
  readBack(probe: SinkRecord, signal: AbortSignal): Promise<string>
  close?(): Promise<void> | void
}

/** The target refused the probe. */
export class ProbeRefused extends Error {
  override readonly name = 'ProbeRefused'
}

/**
 * The whole of a sink's `verify`: `check` throws BadConfig for what is wrong by itself; a test opens the target with the values that are not
 * saved, writes a probe, reads it back and answers, or throws, the target's own words.
 */
export async function verifySink(
  { check, open }: { check?(): void | Promise<void>; open(): Promise<OpenedSink> },
  signal: AbortSignal,
  { purpose }: Pick<VerifyAbout, 'purpose'>,
): Promise<VerifyAnswer | void> {
  await check?.()
  if (purpose === 'save') return
  const opened = await open()
  try {
    const probe = toProbe()
    const answer = await opened.sink.write([probe], { attempt: 1, signal })
    if (answer.outcome === 'retry') throw new NotReady(answer.reply)
    if (answer.outcome === 'refused') throw new ProbeRefused(answer.reply)
    if (answer.outcome === 'partial') {
      const [first] = [...answer.refused, ...answer.retry]
      if (first) throw new ProbeRefused(first.reply)
    }
    return { reply: await opened.readBack(probe, signal) }
  } finally {
    await opened.close?.()
  }
}
