import type { Outcome } from './tally.ts'

/** A simulated device's connection. Both protocols look the same from here. */
export interface DeviceLink {
  /** Sends one telemetry document and says how it ended; never rejects. */
  send(payload: string): Promise<Outcome>
  close(): Promise<void>
}

export interface Login {
  username: string
  password: string
}

/** A device could not connect. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
}

/** No answer within this = the outcome is unknown. */
export const answerTimeoutMs = 15_000
