import type { Provisioned, ProvisionRequest } from '@patchbay/contracts/provisioning'
import type { RefusedError } from '@patchbay/contracts/session'
import type { Clock } from '../clock.ts'
import type { DeviceRecord, Enrol, Enrolled, Judge } from '../devices/port.ts'
import { DomainError, refuse, type RefusalCode } from '../errors.ts'
import { isRefused } from '../refused.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { endOfKey, type KeyBody, type Reservation } from './key-record.ts'
import type { KeyStore } from './key-store.ts'
import type { Asker, CertificateIssuer, Limiter, Provision, ProvisionAnswer, Trail } from './port.ts'
import { hashOfClaim, idOf, isClaimOf, toProvisionRequest } from './provision-request.ts'

export interface ProvisionerOptions {
  store: KeyStore
  enrol: Enrol
  /** There is room for another device. */
  hasRoom: () => boolean
  /** Of devices whose key names none. */
  defaultType: string
  hasType: (type: string) => boolean
  clock: Clock
  /** One of its own: who asks for devices that are not his must not keep those beside him from logging in. */
  limiter: Limiter
  audit: Trail
  issuer: () => CertificateIssuer | undefined
  onFault: (error: unknown) => void
}

/** Refusals of who may be trying ids or claims that are not his. */
const guesses: ReadonlySet<string> = new Set<RefusalCode>(['PROVISION_TAKEN', 'PROVISION_NOT_REGISTERED'])

/** Gives devices that have nothing but a provisioning key credentials of their own, once. */
export function createProvisioner(options: ProvisionerOptions): { provision: Provision; drain(): Promise<void> } {
  const { store, clock, limiter, audit } = options
  const working = new Set<Promise<unknown>>()

  function judgeOf(
    key: string,
    body: KeyBody,
    request: ProvisionRequest,
    id: string,
    reserved: (r: Reservation) => void,
  ) {
    const claim = request.claim === undefined ? undefined : hashOfClaim(body, request.claim)
    const mark = { provisionedBy: key, ...(claim === undefined ? {} : { claim }) }
    const say = (code: RefusalCode, detail?: string) => refuse(code, detail, { rule: key })
    const reserve = async () => reserved(await store.reserve(key, id))

    const judge: Judge = async (found) => {
      const record = found?.record
      if (record?.provisionedBy === key) {
        if (!isClaimOf(record.claim, claim)) throw say('PROVISION_TAKEN', taken(id))
        if (found?.isUsed && !body.reprovision) throw say('PROVISION_DONE')
        await store.touch(key)
        return 'again'
      }
      if (body.strategy === 'create') {
        if (record) throw say('PROVISION_TAKEN', taken(id))
        const { type = options.defaultType, tags } = body
        if (!options.hasType(type)) throw say('PROVISION_TYPE_GONE')
        if (!options.hasRoom()) throw say('PROVISION_QUOTA', 'There are as many devices as permitted.')
        await reserve()
        const createdAt = new Date(clock.nowMicros() / 1000).toISOString()
        return { id, name: request.name ?? id, type, tags, createdAt, ...mark }
      }
      if (!record || !isMeant(record, body)) throw say('PROVISION_NOT_REGISTERED')
      if (record.provisionedBy !== undefined || found?.isUsed) throw say('PROVISION_TAKEN', taken(id))
      await reserve()
      return { ...record, ...mark }
    }
    return judge
  }

  async function enrol(
    key: string,
    body: KeyBody,
    request: ProvisionRequest,
    id: string,
  ): Promise<Enrolled & { again: boolean }> {
    let reservation: Reservation | undefined
    let isMade = false
    const judge = judgeOf(key, body, request, id, (reserved) => (reservation = reserved))
    try {
      const enrolled = await options.enrol(id, request.credentials ?? 'secret', judge)
      isMade = true
      return { ...enrolled, again: reservation === undefined }
    } finally {
      if (reservation) store.finish(key, reservation, isMade)
    }
  }

  async function give(asker: Asker, request: ProvisionRequest): Promise<Provisioned> {
    if (audit.isFull()) throw refuse('STORE_UNAVAILABLE', 'The audit trail has to be written first. Ask again.')
    const stored = await store.read(asker.key)
    if (!stored) throw refuse('CREDENTIALS_ENDED', 'This provisioning key was deleted.')
    const { id: key, body } = stored
    const ended = endOfKey(body, clock.nowMicros())
    if (ended !== undefined) throw refuse('CREDENTIALS_ENDED', ended)
    const id = idOf(request, body)
    limiter.assertMayTry(asker.address, id)
    const { csr } = request
    const issuer = csr === undefined ? undefined : await issuerFor(id, request, csr)
    const { record, again, ...shown } = await enrol(key, body, request, id).catch((error: unknown) => {
      if (isRefused(error) && guesses.has(error.code)) limiter.refused(asker.address, id)
      throw error
    })
    limiter.accepted(asker.address, id)
    audit.record({
      actor: `provisioning:${key}`,
      address: asker.address,
      action: again ? 'provision again' : 'provision',
      target: id,
      outcome: 'done',
      status: again ? 200 : 201,
      requestId: '',
    })
    const certificate = csr === undefined ? undefined : await issuer?.issueCertificate(id, csr)
    return { device: toShown(record), ...shown, ...(certificate ? { certificate } : {}), again }
  }

  /** Asked before anything is made. */
  async function issuerFor(id: string, request: ProvisionRequest, csr: string): Promise<CertificateIssuer> {
    const issuer = options.issuer()
    if (!issuer) throw refuse('PROVISION_CERTIFICATE', 'This platform has no certificate authority. Ask without csr.')
    // When issuing fails after the device was made, it must be able to ask again.
    if (request.claim === undefined) throw refuse('PROVISION_CERTIFICATE', 'A csr needs a claim beside it.')
    await issuer.checkRequest?.(id, csr)
    return issuer
  }

  async function answer(asker: Asker, payload: unknown): Promise<ProvisionAnswer> {
    let asked: Pick<ProvisionRequest, 'id'> = {}
    try {
      const request = toProvisionRequest(payload)
      asked = request.id === undefined ? {} : { id: request.id }
      return { bytes: toBytes({ ...asked, ...(await give(asker, request)) }) }
    } catch (error) {
      const refused = toRefused(error, options.onFault)
      return { bytes: toBytes({ ...asked, error: { code: refused.code, detail: refused.message } }), refused }
    }
  }

  return {
    provision(asker, payload) {
      const work = answer(asker, payload)
      working.add(work)
      return work.finally(() => working.delete(work))
    },
    async drain() {
      await Promise.all(working)
      await store.drain()
    },
  }
}

const taken = (id: string) =>
  `There is a device "${id}" already, and the request does not prove to be from it: wrong or no claim.`

const isMeant = ({ type, tags }: DeviceRecord, body: KeyBody): boolean =>
  (body.type === undefined || body.type === type) && body.tags.every((tag) => tags.includes(tag))

const toShown = ({ id, name, type }: DeviceRecord) => ({ id, name, type })

const toBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

function toRefused(error: unknown, onFault: (error: unknown) => void): RefusedError {
  if (isRefused(error)) return error
  const isBusy = error instanceof StoreUnavailable || error instanceof DomainError
  if (!isBusy) onFault(error)
  return refuse('STORE_UNAVAILABLE', undefined, { cause: error })
}
