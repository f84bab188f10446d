import { HostError } from '../errors.ts'
import type { Publisher } from './signature.ts'

/** How much stands behind a package, most first. */
export type Tier = 'bundled' | 'verified' | 'signed' | 'unsigned' | 'linked'

export const policies = ['bundled', 'verified', 'signed', 'any'] as const
export type Policy = (typeof policies)[number]

/** A package that was looked at and found good, by its content. */
export interface Verified {
  id: string
  version: string
  sha512: string
}

export interface Trust {
  policy: Policy
  publishers: readonly Publisher[]
  verified: readonly Verified[]
}

const admits: Record<Policy, readonly Tier[]> = {
  bundled: ['bundled'],
  verified: ['bundled', 'verified'],
  signed: ['bundled', 'verified', 'signed'],
  any: ['bundled', 'verified', 'signed', 'unsigned', 'linked'],
}

const remedies: Record<Policy, string> = {
  bundled: 'only plugins that come with the platform are let in',
  verified: 'its hash must be in the list of verified packages',
  signed: 'it must be signed by a trusted publisher, or its hash be in the list of verified packages',
  any: '',
}

export const tierOf = (
  release: { id: string; version: string; sha512: string },
  signer: string | undefined,
  trust: Trust,
): Tier => {
  const isVerified = trust.verified.some(
    ({ id, version, sha512 }) => id === release.id && version === release.version && sha512 === release.sha512,
  )
  if (isVerified) return 'verified'
  return signer === undefined ? 'unsigned' : 'signed'
}

/** Asked when a package comes in and each time before its code is loaded: a key or hash that was taken back counts at the next start. */
export function assertAdmitted(what: string, tier: Tier, { policy }: Trust): void {
  if (admits[policy].includes(tier)) return
  throw new HostError(
    'PACKAGE_POLICY',
    `${what} is ${tier}, and the policy for plugins is "${policy}": ${remedies[policy]}. An admin can change PATCHBAY_PLUGIN_POLICY.`,
  )
}
