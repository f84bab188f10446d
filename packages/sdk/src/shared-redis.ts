/** What may be an argument of a command. */
export type RedisArgument = string | number | Uint8Array

/** What happens to a connection. */
export interface SharedEvents {
  /** It can be used from now on; also after each time it was lost. */
  up?(): void
  /** Calls under way have been rejected: nobody knows what became of them. */
  down?(): void
  /** A message on a channel that this connection has subscribed to. */
  message?(channel: string, bytes: Buffer): void
}

/** One connection to the shared Redis. It connects by itself, again and again. */
export interface SharedConnection {
  /**
   * One command. Texts of the answer are Buffers. Rejects at once while there is no connection, and when the answer does not come in time.
   */
  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown>
  close(): void
}

/** The Redis that the nodes of one platform share, with the platform's own TLS and password. */
export interface SharedRedis {
  /** In front of every key. */
  readonly prefix: string
  /** `waits`: for commands that block, which have no time limit of their own. */
  connect(events?: SharedEvents, options?: { waits?: boolean }): SharedConnection
}
