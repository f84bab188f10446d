import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { refuse } from '../errors.ts'

/** How the body is packed; undefined = in a way that is not taken here. */
export function encodingOf(header: string | undefined): 'plain' | 'gzip' | undefined {
  const name = header?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return 'plain'
  return name === 'gzip' || name === 'x-gzip' ? 'gzip' : undefined
}

/** The body, unpacked, no more than `maxBytes` of it. Ends with Refused for more, or for what is not gzip. */
export async function* readBody(
  body: Readable,
  encoding: 'plain' | 'gzip',
  maxBytes: number,
): AsyncGenerator<Buffer, void, void> {
  let bytes = 0
  const unpacked = encoding === 'gzip' ? body.pipe(createGunzip()) : body
  // A sender that goes away must end the unpacking, too.
  if (unpacked !== body) body.once('error', (error) => unpacked.destroy(error))
  try {
    for await (const chunk of unpacked) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > maxBytes) throw refuse('INFLUX_BODY_TOO_LARGE')
      yield chunk
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw refuse('INFLUX_BODY_ENCODING', undefined, error)
    throw error
  } finally {
    if (unpacked !== body) unpacked.destroy()
  }
}
