import type { Transport } from './channel.ts'

export interface LaneOptions {
  /** The first module on the other side. */
  start: URL
  memoryMb: number
  /** Where compiled code is kept, so that types need not be stripped again. */
  compileCache: string | undefined
  /** Files and folders that may be read, and written, where the level knows such limits. */
  readable: readonly string[]
  writable: readonly string[]
  /** What the plugin's code writes to its standard output or error. */
  output(chunk: Buffer): void
}

/** Somewhere apart where code of a plugin runs, and the way there. */
export interface Lane {
  readonly transport: Transport
  /** Resolves when it is gone, with the reason if it went by itself. */
  readonly ended: Promise<Error>
  /** Ends it, whatever it does. */
  end(): Promise<void>
}
