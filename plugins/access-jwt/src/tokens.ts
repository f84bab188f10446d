import type { AccessProvider } from '@patchbay/sdk'
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Config } from './config.ts'
import type { Key } from './key.ts'

/** A password longer than this is no token of ours. */
export const maxTokenChars = 4096
const form = /^[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*$/

const Filters = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 100 })
const Rights = Type.Object({ publish: Type.Optional(Filters), subscribe: Type.Optional(Filters) })

/** What the token says without proof; undefined = this is no token. */
function peek(text: string): JWTPayload | undefined {
  if (text.length > maxTokenChars || !form.test(text)) return undefined
  try {
    return decodeJwt(text)
  } catch {
    // Three parts with dots between them need not be a token.
    return undefined
  }
}

const own = (payload: JWTPayload, claim: string): unknown =>
  Object.hasOwn(payload, claim) ? payload[claim] : undefined

/**
 * Logs devices in by token. What is no token, or one of another issuer, is left to others; a token of ours that is not good denies, and so
 * does a key set that cannot be read, by a throw.
 */
export function createTokens(
  config: Config,
  key: Key,
  nowMs: () => number = Date.now,
): Required<Pick<AccessProvider, 'connect' | 'deviceOf'>> {
  const { algorithm, issuer, audience, deviceClaim, rightsClaim } = config
  const skewMs = config.clockSkewSeconds * 1000
  const checks = () => ({
    algorithms: [algorithm],
    clockTolerance: config.clockSkewSeconds,
    currentDate: new Date(nowMs()),
    requiredClaims: ['exp', deviceClaim],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  })
  const verify = async (token: string): Promise<JWTPayload> => {
    const { payload } =
      typeof key === 'function' ? await jwtVerify(token, key, checks()) : await jwtVerify(token, key, checks())
    return payload
  }
  const peekOwn = (text: string): JWTPayload | undefined => {
    const payload = peek(text)
    return payload && (issuer === undefined || payload.iss === issuer) ? payload : undefined
  }

  return {
    deviceOf(secret) {
      const payload = peekOwn(secret)
      const device = payload && own(payload, deviceClaim)
      return typeof device === 'string' ? device : undefined
    },
    async connect({ username, password }) {
      if (!peekOwn(password)) return undefined
      let payload: JWTPayload
      try {
        payload = await verify(password)
      } catch (error) {
        // A token that is not good is an answer; that keys cannot be had is a failure of ours.
        if (error instanceof errors.JOSEError) return 'deny'
        throw error
      }
      const { exp, iat } = payload
      const skewed = nowMs() + skewMs
      if (exp === undefined || own(payload, deviceClaim) !== username) return 'deny'
      if (iat !== undefined && iat * 1000 > skewed) return 'deny'
      const rights = rightsClaim === undefined ? {} : (own(payload, rightsClaim) ?? {})
      if (!Value.Check(Rights, rights)) return 'deny'
      // One that ended by our clock, but within the skew, still gets that much.
      const endsAtMs = exp * 1000 > nowMs() ? exp * 1000 : exp * 1000 + skewMs
      const { publish, subscribe } = rights
      return {
        answer: 'allow',
        endsAtMicros: Math.round(endsAtMs * 1000),
        ...(publish ? { publish } : {}),
        ...(subscribe ? { subscribe } : {}),
      }
    },
  }
}
