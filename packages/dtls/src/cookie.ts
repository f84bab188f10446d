import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ClientHello } from './client-hello.ts'
import { cookieSecretMs } from './limits.ts'
import type { DtlsPeer } from './peer.ts'

const cookieBytes = 20

/**
 * RFC 6347, section 4.2.1: "Cookie = HMAC(Secret, Client-IP, Client-Parameters)", so that nothing is kept for a peer that has not shown that
 * it gets what is sent to its address. The secret changes, and the one before is still good: an old cookie opens nothing for long.
 */
export function createCookies(now: () => number) {
  let secret = randomBytes(32)
  let before = secret
  let sinceMs = now()

  const rotate = () => {
    if (now() - sinceMs < cookieSecretMs) return
    before = now() - sinceMs < 2 * cookieSecretMs ? secret : randomBytes(32)
    secret = randomBytes(32)
    sinceMs = now()
  }
  const sign = (key: Buffer, peer: DtlsPeer, hello: ClientHello): Buffer =>
    createHmac('sha256', key)
      .update(`${peer.key}\0${hello.version}\0${hello.suites.join()}\0`)
      .update(hello.random)
      .update(hello.sessionId)
      .update(hello.compressions)
      .digest()
      .subarray(0, cookieBytes)

  return {
    make(peer: DtlsPeer, hello: ClientHello): Buffer {
      rotate()
      return sign(secret, peer, hello)
    },
    isGood(peer: DtlsPeer, hello: ClientHello): boolean {
      if (hello.cookie.length !== cookieBytes) return false
      rotate()
      return [secret, before].some((key) => timingSafeEqual(sign(key, peer, hello), hello.cookie))
    },
  }
}
