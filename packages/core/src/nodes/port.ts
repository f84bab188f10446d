/** Takes what another node said. What it is has to be checked: the node may run another version. */
export type HearNode = (body: unknown, life: string) => void

/** What nodes tell each other. Bodies are JSON. Nothing of it is durable: whatever has to be is in the stores. */
export interface NodeBus {
  /** In order, to every node that is there, also when Redis was away for a moment. */
  tell(kind: string, body: unknown): void
  /** The same; resolves when Redis has it, rejects when it cannot take it. */
  send(kind: string, body: unknown): Promise<void>
  /** To whoever listens just now. */
  show(kind: string, body: unknown): void
  hear(kind: string, take: HearNode): void
  /** Another node has come, and knows nothing yet. */
  onJoin(take: () => void): void
  /** A node has not been heard for long enough. */
  onDead(take: (life: string) => void): void
}
