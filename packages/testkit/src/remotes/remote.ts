/**
 * How the other side of a channel takes a notification: `accept`; `refuse` for good; `busy`, later please; `fail`, its own fault; `hang`,
 * never an answer; `cut`, breaks off; `echo`, a fault that tells back, at length, all that it was sent.
 */
export type RemoteMood = 'accept' | 'refuse' | 'busy' | 'fail' | 'hang' | 'cut' | 'echo'

/** A real listener on loopback that stands for the remote of a channel. */
export interface Remote {
  readonly port: number
  /** From now on. */
  behave(mood: RemoteMood): void
  /** How many times it was called. */
  readonly calls: number
  /** What it says when it accepts, refuses and fails, as a reply must show it. */
  readonly words: Readonly<Record<'accept' | 'refuse' | 'busy' | 'fail', string>>
  close(): Promise<void>
}
