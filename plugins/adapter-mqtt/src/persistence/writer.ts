import type { SQLInputValue } from 'node:sqlite'
import type { PackedMessage } from '../nodes/message-bytes.ts'
import type { Statement } from './schema.ts'

/** Where changes of the broker's state are written to be kept, in the order in which they are given. */
export interface Writer {
  /** Resolves when the change is durable. */
  write(statement: Statement, ...parameters: readonly SQLInputValue[]): Promise<void>
  /** As `write`, for changes that nobody waits for. */
  note(statement: Statement, ...parameters: readonly SQLInputValue[]): void
  /** Resolves when everything given so far is durable. */
  flushed(): Promise<void>
  /** Where nodes share their state: what goes beyond rows. */
  readonly shared?: SharedWriter
}

/** What nodes need beside rows, because queues and sessions are not one node's. */
export interface SharedWriter {
  /** Puts a copy into the queue of a kept session, wherever it is; rejects at once while Redis is away. */
  append(client: string, packed: PackedMessage, onDropped: () => void): Promise<void>
  /** A session that ended with its connection. */
  endPassing(client: string): Promise<void>
  /** Ends a session that nobody came back to, unless somebody does now. */
  expire(client: string, nowMs: number): Promise<void>
  /** Whether the will is still this node's to publish. */
  fireWill(client: string): Promise<boolean>
  /** Resolves when this node has applied all that was written so far. */
  applied(): Promise<void>
  /** Resolves when every node knows all that was written so far. */
  known(): Promise<void>
}
