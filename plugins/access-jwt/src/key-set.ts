import { get, type PrivateTargets } from '@patchbay/sdk/outbound-http'
import { createLocalJWKSet, type CryptoKey, errors, type FlattenedJWSInput, type JWTHeaderParameters } from 'jose'
import { Type } from 'typebox'
import { Value } from 'typebox/value'

/** Below the second that the platform gives a provider. */
export const keySetTimeoutMs = 800
export const maxKeySetBytes = 64 * 1024
export const maxKeys = 100
/** A token with an unknown key id makes the set be read again, but no more often than this: anybody can make up key ids. */
export const rereadMs = 30_000
/** A set that cannot be read again is used for so long after its time. */
export const staleMs = 3_600_000

const KeySetDocument = Type.Object({
  keys: Type.Array(Type.Object({ kty: Type.String() }), { maxItems: maxKeys }),
})

/** The key set cannot be had, so that no token can be checked. */
export class KeySetUnusable extends Error {
  override readonly name = 'KeySetUnusable'
}

export type FindKey = (header?: JWTHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>

export interface KeySetOptions {
  url: string
  keepMs: number
  privateTargets: PrivateTargets
  signal: AbortSignal
  nowMs?: () => number
  /** Told of each reading: undefined = it worked. */
  heard?: (failure: string | undefined) => void
}

/** The keys of an issuer, by its address: kept, read again when their time is over or a key is missing, once at a time. */
export function createKeySet(options: KeySetOptions): FindKey {
  const { url, keepMs, privateTargets, signal } = options
  const nowMs = options.nowMs ?? (() => performance.now())
  let find: FindKey | undefined
  let readAtMs = -Infinity
  let triedAtMs = -Infinity
  let reading: Promise<void> | undefined

  const read = async (): Promise<void> => {
    triedAtMs = nowMs()
    try {
      const request = { url, privateTargets, signal, timeoutMs: keySetTimeoutMs, readBytes: maxKeySetBytes }
      const { status, body } = await get({ ...request, headers: { accept: 'application/json' } })
      if (status !== 200) throw new KeySetUnusable(`The key set was answered by ${status}.`)
      find = createLocalJWKSet(toKeys(body))
      readAtMs = nowMs()
      options.heard?.(undefined)
    } catch (error) {
      options.heard?.(error instanceof Error ? error.message : String(error))
      throw error
    }
  }
  const readOnce = (): Promise<void> => (reading ??= read().finally(() => void (reading = undefined)))

  const fresh = async (): Promise<FindKey> => {
    const ageMs = nowMs() - readAtMs
    if (find && ageMs < keepMs) return find
    const mayUseOld = find !== undefined && ageMs < keepMs + staleMs
    if (mayUseOld && nowMs() - triedAtMs < rereadMs) return found()
    try {
      await readOnce()
    } catch (error) {
      if (!mayUseOld) throw error
    }
    return found()
  }
  const found = (): FindKey => {
    if (!find) throw new KeySetUnusable('The key set was not read yet.')
    return find
  }

  return async (header?: JWTHeaderParameters, token?: FlattenedJWSInput) => {
    const findKey = await fresh()
    try {
      return await findKey(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || nowMs() - triedAtMs < rereadMs) throw error
      await readOnce()
      return found()(header, token)
    }
  }
}

function toKeys(body: string) {
  let document: unknown
  try {
    document = JSON.parse(body)
  } catch (cause) {
    throw new KeySetUnusable('The key set is not JSON of 64 KiB at most.', { cause })
  }
  if (!Value.Check(KeySetDocument, document))
    throw new KeySetUnusable(`The answer is no key set of ${maxKeys} keys at most.`)
  return document
}
