import type { Node } from './node.ts'
import type { LiveRoute } from './route.ts'
import type { LiveUpstream } from './upstream.ts'

/** One proxied connection, from its first byte to its end. */
export interface Session {
  readonly id: number
  /** Of the client; a PROXY header's, where the listener takes one. */
  address: string
  readonly listener: string
  /** ms since 1970 at which it was accepted. */
  readonly sinceMs: number
  clientId: string | undefined
  route: LiveRoute | undefined
  upstream: LiveUpstream | undefined
  node: Node | undefined
  /** From the client to the node, and back. */
  bytesUp: number
  bytesDown: number
  /** The tick since which a side does not take what is for it, or since which only one side is open; 0 = none of it. */
  stalledSince: number
  /** The tick and the bytes at which traffic was seen last. */
  movedAt: number
  movedBytes: number
  /** Brings the bytes up to date: those of a session that the platform itself carries are read from its socket. */
  measure(): void
  /** Called when the client's connection is closed. A list, because a socket whose listeners are many warns of a leak. */
  readonly onClosed: (() => void)[]
  /** Ends it at once, in both directions. */
  cut(): void
}
