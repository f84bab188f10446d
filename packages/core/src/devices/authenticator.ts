import { DeviceId } from '@patchbay/contracts/id'
import type { CertificateProblem, Credentials, Peer } from '@patchbay/contracts/session'
import { Value } from 'typebox/value'
import type { ProviderChain, Subject } from '../access/port.ts'
import type { Clock } from '../clock.ts'
import { refuse, type RefusalCode } from '../errors.ts'
import { isRefused } from '../refused.ts'
import type { RegistryStore } from '../registry/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { checkCredential, type Check } from './credential-check.ts'
import { type CredentialKind, digestOf } from './credential-record.ts'
import { createDeviceCache } from './device-cache.ts'
import { createLastUsed } from './last-used.ts'
import type { LoginLimiter } from './login-limiter.ts'
import type { Authenticated, Authenticator, DeviceEvent } from './port.ts'
import type { DeviceTypes } from './types.ts'

/** The user name of applications, whose password is an API key. */
export const applicationUser = 'key'
/** The user name of devices that have nothing but a provisioning key, which is their password. */
export const provisioningUser = 'provision'
/** The same with the id of the key, for brokers beside the platform: after the login they tell only the user name. */
const applicationWithId = /^key\/([0-9a-f]{24})$/
/** Re-reads of a device that changes while it is let in. */
const maxRechecks = 10

/** An API key's secret: who it is, that it has ended, or nothing known of it. */
export type FindApiKey = (
  secret: string,
) => Promise<{ id: string; publish: readonly string[]; subscribe: readonly string[] } | 'ended' | undefined>

/** A provisioning key: its id, why it has ended, or nothing known of it. */
export type FindProvisioningKey = (secret: string) => Promise<{ id: string } | { ended: string } | undefined>

export interface DeviceAuthenticator extends Authenticator {
  /** To be told every device event: what is cached of the device is void then. */
  follow(event: DeviceEvent): void
  /**
   * Whether the proof is still good, at once. To be asked after the session is entered where events find it: a revocation between the
   * two would else be missed.
   */
  holds(proof: Authenticated): boolean
  /**
   * A registered device by its user name alone, for those who saw its login elsewhere. Undefined when it is unknown, or nothing is left
   * that it could log in with.
   */
  subjectOf(device: string): Promise<Subject | undefined>
  readonly cachedDevices: number
}

/** Who a password, bearer secret, certificate or pre-shared key says it is. */
interface Claim {
  device: string
  kind: CredentialKind
  digest: Buffer
  /** The password as access providers are asked with it. */
  password?: string
}

export function createAuthenticator(deps: {
  registry: RegistryStore
  clock: Clock
  types: Pick<DeviceTypes, 'effective'>
  findApiKey: FindApiKey
  /** Without it nobody can provision. */
  provisioning?: { find: FindProvisioningKey; keyPrefix: string }
  permitsPlain: (address: string) => boolean
  providers: ProviderChain
  limiter: LoginLimiter
  failed?: (error: unknown) => void
}): DeviceAuthenticator {
  const { registry, clock, types, findApiKey, provisioning, permitsPlain, providers, limiter } = deps
  const cache = createDeviceCache(registry)
  const used = createLastUsed({ registry, clock, ...(deps.failed ? { failed: deps.failed } : {}) })

  const check = (claim: Claim, known: ReturnType<typeof cache.cached>): Check =>
    checkCredential(known, claim.kind, claim.digest, clock.nowMicros())

  /** Cached credentials let in; they never refuse: that is settled by what the store has now, which costs unknown ids the same. */
  const verify = async (claim: Claim): Promise<Check> => {
    if (!Value.Check(DeviceId, claim.device)) return { is: 'unknown' }
    const quick = check(claim, cache.cached(claim.device))
    return quick.is === 'good' ? quick : check(claim, await cache.load(claim.device))
  }

  /** The last word, after everything that took time: the same check on what is known now. */
  const verifyStill = async (claim: Claim, found: Check): Promise<Check> => {
    let now = found
    for (let rechecks = 0; now.is !== 'unknown' && cache.cached(claim.device) !== now.known; rechecks++) {
      if (rechecks === maxRechecks) throw refuse('STORE_UNAVAILABLE')
      now = check(claim, await cache.load(claim.device))
    }
    return now
  }

  const enterDevice = async (claim: Claim, peer: Peer): Promise<Authenticated> => {
    const found = await verify(claim)
    const { device, password } = claim
    const verdict =
      password !== undefined && providers.hasConnectors
        ? await providers.connect({ username: device, password, protocol: peer.protocol, address: peer.address })
        : undefined
    if (verdict?.answer === 'deny') {
      const said = verdict.failed ? 'gave no answer, which denies' : 'refused the connection'
      throw refuse('PROVIDER_DENIED', `The access provider "${verdict.provider}" ${said}.`, { rule: verdict.provider })
    }
    const now = await verifyStill(claim, found)
    if (now.is === 'unknown') throw refuse('DEVICE_UNKNOWN')
    if (now.is === 'ended') {
      const { revoked } = now.credential.body
      if (claim.kind !== 'certificate') throw refuse('CREDENTIALS_ENDED')
      throw refuse(revoked ? 'CERTIFICATE_REVOKED' : 'CERTIFICATE_EXPIRED')
    }
    // A provider can vouch for the password of a registered device, and for nobody else.
    if (now.is === 'wrong' && verdict?.answer !== 'allow') {
      throw refuse(claim.kind === 'certificate' ? 'CERTIFICATE_UNKNOWN' : 'CREDENTIALS_WRONG')
    }
    const { record } = now.known
    if (now.is === 'good') used(device, now.credential)
    const { grants, endsAtMicros } = verdict ?? {}
    return {
      subject: grants ? { ...now.known.subject, grants } : now.known.subject,
      ...(endsAtMicros === undefined ? {} : { endsAtMicros }),
      device: record,
      type: types.effective(record.type),
      credential: now.is === 'good' ? now.credential.id : `provider:${verdict?.provider ?? ''}`,
    }
  }

  const enterApplication = async (secret: string, id?: string): Promise<Authenticated> => {
    const key = await findApiKey(secret)
    if (key && key !== 'ended' && id !== undefined && key.id !== id) throw refuse('CREDENTIALS_WRONG')
    if (key === 'ended') throw refuse('CREDENTIALS_ENDED', 'This API key was revoked or has expired.')
    if (!key) throw refuse('CREDENTIALS_WRONG')
    const subject = { kind: 'application', id: key.id, publish: key.publish, subscribe: key.subscribe } as const
    return { subject, credential: key.id }
  }

  const enterProvisioning = async (secret: string): Promise<Authenticated> => {
    const key = await provisioning?.find(secret)
    if (!key) throw refuse('CREDENTIALS_WRONG')
    if ('ended' in key) throw refuse('CREDENTIALS_ENDED', key.ended)
    return { subject: { kind: 'provisioning', id: key.id }, credential: key.id }
  }

  const enter = async (peer: Peer): Promise<Authenticated> => {
    const given = peer.credentials
    const bearer = given.kind === 'bearer' && !given.username ? digestOf(given.secret).toString('hex') : undefined
    limiter.assertMayTry(peer.address, bearer === undefined ? nameIn(given) : cache.knownOwner(bearer))
    if (given.kind === 'certificate') {
      if (given.problem !== undefined) throw refuse(problemCodes[given.problem])
      // A fingerprint is compared as digests are; colons and case are the TLS layer's taste.
      const digest = Buffer.from(given.fingerprint.replaceAll(':', ''), 'hex')
      return enterDevice({ device: given.deviceId, kind: 'certificate', digest: toLength(digest) }, peer)
    }
    if (given.kind === 'psk') {
      const digest = toLength(Buffer.from(given.digest, 'hex'))
      return enterDevice({ device: given.deviceId, kind: 'psk', digest }, peer)
    }
    if (given.kind === 'none') throw refuse('CREDENTIALS_WRONG', 'No credentials were sent.')
    const secret = given.kind === 'password' ? given.password : given.secret
    const user = given.kind === 'password' ? given.username : (given.username ?? '')
    if (user === applicationUser) return enterApplication(secret)
    if (user === provisioningUser) return enterProvisioning(secret)
    if (user === '' && provisioning && secret.startsWith(provisioning.keyPrefix)) return enterProvisioning(secret)
    const keyId = keyIdIn(user)
    if (keyId !== undefined) return enterApplication(secret, keyId)
    const claim = { kind: 'secret', digest: digestOf(secret), password: secret } as const
    if (user !== '') return enterDevice({ ...claim, device: user }, peer)
    if (bearer === undefined) throw refuse('CREDENTIALS_WRONG', 'No user name was sent.')
    const owner = await cache.ownerOf(bearer)
    const device = owner ?? providers.deviceOf(secret)
    return device === undefined ? enterApplication(secret) : enterDevice({ ...claim, device }, peer)
  }

  return {
    async authenticate(peer) {
      // Before anything is looked at: secrets that crossed a wire in the clear where they must not are not even tried.
      if (!peer.encrypted && !permitsPlain(peer.address)) throw refuse('PLAIN_FORBIDDEN')
      try {
        const proof = await enter(peer)
        if (proof.device) limiter.accepted(peer.address, proof.device.id)
        return proof
      } catch (error) {
        if (error instanceof StoreUnavailable) throw refuse('STORE_UNAVAILABLE', undefined, { cause: error })
        if (isGuess(error, peer.credentials)) limiter.refused(peer.address, nameIn(peer.credentials))
        throw error
      }
    },
    follow(event) {
      if ('device' in event && event.kind !== 'status') {
        cache.forget(typeof event.device === 'string' ? event.device : event.device.id)
      }
    },
    holds(proof) {
      if (!proof.device) return true
      const known = cache.cached(proof.device.id)
      if (!known) return false
      if (proof.credential.startsWith('provider:')) return true
      const credential = known.credentials.find(({ id }) => id === proof.credential)
      return credential !== undefined && !credential.body.revoked && credential.endsMicros > clock.nowMicros()
    },
    async subjectOf(device) {
      if (!Value.Check(DeviceId, device)) return undefined
      const known = cache.cached(device) ?? (await cache.load(device))
      const now = clock.nowMicros()
      const isUsable = known?.credentials.some(({ body, endsMicros }) => !body.revoked && endsMicros > now)
      return isUsable || providers.hasConnectors ? known?.subject : undefined
    },
    get cachedDevices() {
      return cache.size
    },
  }
}

const problemCodes: Record<CertificateProblem, RefusalCode> = {
  foreign: 'CERTIFICATE_FOREIGN',
  expired: 'CERTIFICATE_EXPIRED',
  early: 'CERTIFICATE_EARLY',
  nameless: 'CERTIFICATE_NAMELESS',
}

/** The id of the API key that a user name holds: `key/` and the id, which is no device id because of the slash. */
export const keyIdIn = (user: string): string | undefined => applicationWithId.exec(user)?.[1]

/** The device that is claimed, as far as the peer names one. */
function nameIn(credentials: Credentials): string | undefined {
  if (credentials.kind === 'psk') return credentials.deviceId
  if (credentials.kind === 'certificate') return credentials.deviceId ?? credentials.claimedId
  if (credentials.kind === 'none' || !credentials.username) return undefined
  const { username } = credentials
  return username === applicationUser || username === provisioningUser ? undefined : username
}

const guesses: ReadonlySet<string> = new Set<RefusalCode>([
  'CREDENTIALS_WRONG',
  'DEVICE_UNKNOWN',
  'PROVIDER_DENIED',
  'CERTIFICATE_FOREIGN',
  'CERTIFICATE_NAMELESS',
  'CERTIFICATE_UNKNOWN',
])

/** Refused for what was sent. Who sent nothing, or a secret that was good once, is not guessing. */
const isGuess = (error: unknown, credentials: Credentials): boolean =>
  isRefused(error) && credentials.kind !== 'none' && guesses.has(error.code)

/** SHA-256 is 32 bytes; anything else matches nothing, and is not compared at another length. */
const toLength = (digest: Buffer): Buffer => (digest.length === 32 ? digest : Buffer.alloc(32, 0xff))
