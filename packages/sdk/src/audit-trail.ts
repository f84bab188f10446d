import type { IncomingMessage } from 'node:http'

/** What became of a request that changes something. */
export interface AuditedWrite {
  /** The HTTP status of the answer; from 400 on it counts as refused. */
  status: number
  /** As the answer names the request, `request.id` of Fastify say. */
  requestId: string
  /** What it was about, such as `upstreams/1`. */
  target?: string
  /** What was asked for; fields that are named like secrets are masked, size and depth are bounded. */
  changes?: unknown
}

/** The platform's audit trail, for changes that come by a plugin's own HTTP. */
export interface AuditTrail {
  /** So much waits to be written that nothing may be changed now: answer 503. */
  isFull(): boolean
  /**
   * Notes who (the person or API key that the platform has found for this request), from where, the method and path, and what came of it.
   * A refused stranger is not noted: he could fill the disk.
   */
  record(request: IncomingMessage, write: AuditedWrite): void
}
