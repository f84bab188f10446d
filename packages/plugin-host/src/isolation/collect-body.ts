import type { Readable } from 'node:stream'
import { HostError } from '../errors.ts'
import type { ByteLease } from './byte-budget.ts'

/** Why a body was not taken. Fastify would close the connection at an error here, and a client that still sends would never read the reason. */
export class UntakenBody {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

interface BodyLimits {
  /** The header, if there is one. */
  announced: string | undefined
  maxBytes: number
  lease: ByteLease
}

const collect = async (body: Readable, { announced, maxBytes, lease }: BodyLimits): Promise<Buffer> => {
  const assertLength = (length: number): void => {
    if (length > maxBytes)
      throw new HostError('PAYLOAD_TOO_LARGE', `The body is larger than this path takes: ${maxBytes} bytes.`)
  }
  assertLength(Number(announced ?? 0))
  const chunks: Buffer[] = []
  let length = 0
  const pieces: AsyncIterable<Buffer> = body.iterator({ destroyOnReturn: false })
  for await (const piece of pieces) {
    length += piece.length
    assertLength(length)
    lease.take(piece.length)
    chunks.push(piece)
  }
  return Buffer.concat(chunks, length)
}

/** A whole body, counted as it comes. Of one that is not taken the rest is thrown away as it comes. */
export async function collectBody(body: Readable, limits: BodyLimits): Promise<Buffer | UntakenBody> {
  try {
    return await collect(body, limits)
  } catch (error) {
    limits.lease.close()
    body.resume()
    return new UntakenBody(error)
  }
}
