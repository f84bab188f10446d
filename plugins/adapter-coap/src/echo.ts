import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Answer } from './answer.ts'
import { answer } from './answer.ts'
import type { Endpoint } from './endpoint.ts'
import { limits } from './limits.ts'
import type { Request } from './request.ts'

const timeBytes = 4
const proofBytes = 8

/**
 * Who asks from an address that is not its own must not be able to have large answers sent there. RFC 9175, section 2.4: "A server that
 * sends large responses to unauthenticated peers SHOULD mitigate amplification attacks", by the Echo option, whose value comes back only from
 * where it was sent.
 */
export function createEcho(now: () => number, secret: Buffer) {
  const verified = new Map<string, number>()

  const proofOf = (endpoint: Endpoint, time: Buffer) =>
    createHmac('sha256', secret).update(time).update(endpoint.key).digest().subarray(0, proofBytes)

  const make = (endpoint: Endpoint): Buffer => {
    const time = Buffer.alloc(timeBytes)
    time.writeUInt32BE(Math.floor(now() / 1000))
    return Buffer.concat([time, proofOf(endpoint, time)])
  }
  const isFresh = (endpoint: Endpoint, value: Buffer): boolean => {
    if (value.length !== timeBytes + proofBytes) return false
    const time = value.subarray(0, timeBytes)
    if (!timingSafeEqual(proofOf(endpoint, time), value.subarray(timeBytes))) return false
    return now() - time.readUInt32BE() * 1000 <= limits.echoMs
  }
  const isKnown = (endpoint: Endpoint): boolean => {
    if (endpoint.encrypted) return true
    const since = verified.get(endpoint.key)
    if (since === undefined) return false
    if (now() - since < limits.verifiedMs) return true
    verified.delete(endpoint.key)
    return false
  }

  return {
    /** Notes what a request proves of its origin. */
    hear(request: Request, endpoint: Endpoint): void {
      if (!request.echo || endpoint.encrypted || !isFresh(endpoint, request.echo)) return
      verified.delete(endpoint.key)
      for (const oldest of verified.keys()) {
        if (verified.size < limits.verifiedEndpoints) break
        verified.delete(oldest)
      }
      verified.set(endpoint.key, now())
    },
    isKnown,
    /** "4.01 (Unauthorized) (…) with the Echo option" asks for the same request once more. */
    challenge: (endpoint: Endpoint): Answer => answer('4.01', [{ name: '252', value: make(endpoint) }]),
    /** An answer that may go to the endpoint: itself, or the challenge; a refusal loses its words instead. */
    limit(given: Answer, request: Pick<Request, 'size' | 'token'>, endpoint: Endpoint): Answer {
      if (sizeOf(given, request) <= request.size * limits.amplification || isKnown(endpoint)) return given
      return given.code.startsWith('2.') ? this.challenge(endpoint) : { ...given, payload: Buffer.alloc(0) }
    },
    get size() {
      return verified.size
    },
  }
}

export type Echo = ReturnType<typeof createEcho>

/** At most this long: each option has a head of 1 to 5 bytes, of which 3 are more than any of ours has. */
const sizeOf = ({ options, payload }: Answer, { token }: Pick<Request, 'token'>): number =>
  options.reduce((sum, { value }) => sum + 3 + value.length, 4 + token.length + 1 + payload.length)
