import { Socket } from 'node:net'

/** Takes the first `length` bytes of the buffer, which is read into again right after; false stops the reading until `resume`. */
export type OnBytes = (length: number, buffer: Buffer) => boolean
/** Where the next read goes; null = where the last one went. */
export type NextBuffer = () => Buffer | null

// What `onread` of a new Socket sets. A server's sockets are made by Node, which leaves no room for it.
const named = new Map(Object.getOwnPropertySymbols(new Socket()).map((symbol) => [symbol.description, symbol]))
const [buffer, onBytes, nextBuffer] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) => named.get(name))

/**
 * Makes a socket read into a buffer that it is given, instead of one of 64 KiB for each read, which costs more than the rest of carrying a
 * small message. Answers false, and changes nothing, where this version of Node does not know how; then there is `data` as ever.
 */
export function readInto(socket: Socket, first: Buffer, take: OnBytes, next: NextBuffer): boolean {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (!buffer || !onBytes || !nextBuffer || typeof handle !== 'object' || handle === null) return false
  const use: unknown = Reflect.get(handle, 'useUserBuffer')
  if (typeof use !== 'function') return false
  Reflect.set(socket, buffer, first)
  Reflect.set(socket, onBytes, take)
  Reflect.set(socket, nextBuffer, next)
  Reflect.apply(use, handle, [first])
  return true
}
