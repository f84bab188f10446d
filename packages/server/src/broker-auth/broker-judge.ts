import { isIP } from 'node:net'
import type { AccessRule } from '@patchbay/contracts/access'
import type { RefusedError } from '@patchbay/contracts/session'
import { toRefusal } from '@patchbay/core/access/authoriser'
import type { Authoriser, RefusalRecorder, Subject } from '@patchbay/core/access/port'
import type { Clock } from '@patchbay/core/clock'
import { applicationUser, type DeviceAuthenticator, keyIdIn } from '@patchbay/core/devices/authenticator'
import { refuse } from '@patchbay/core/errors'
import type { People } from '@patchbay/core/people/people'
import { isRefused } from '@patchbay/core/refused'
import { toRefusalFields } from '@patchbay/core/sessions/publisher'
import type { BrokerAnswer, BrokerKind, BrokerQuestion } from './broker-question.ts'
import { createApplications } from './applications.ts'
import { findDottedBan } from './dotted-bans.ts'
import { createKeptLogins } from './kept-logins.ts'
import { createQuestionRate } from './question-rate.ts'

export interface BrokerJudge {
  /** Never rejects: what goes wrong is a no. */
  answer(broker: { kind: BrokerKind; key: string; address: string }, question: BrokerQuestion): Promise<BrokerAnswer>
}

export interface BrokerJudgeDeps {
  authenticator: Pick<DeviceAuthenticator, 'authenticate' | 'subjectOf'>
  authoriser: Pick<Authoriser, 'decideWithProviders'>
  /** In their order. */
  rules: { readonly sorted: readonly AccessRule[] }
  apiKeys: Pick<People['apiKeys'], 'byId'>
  refusals: RefusalRecorder
  clock: Clock
  failed: (error: unknown) => void
}

const yes: BrokerAnswer = { allowed: true, detail: '' }

/** Answers the brokers beside the platform with the same credentials and rights as its own adapters have. */
export function createBrokerJudge(deps: BrokerJudgeDeps): BrokerJudge {
  const { authenticator, authoriser, clock } = deps
  const logins = createKeptLogins()
  const applications = createApplications(deps.apiKeys)
  const rate = createQuestionRate(clock)

  const subjectOf = async (username: string): Promise<Subject> => {
    const id = keyIdIn(username)
    const subject = await (id === undefined ? authenticator.subjectOf(username) : applications.subjectOf(id))
    if (subject) return subject
    throw refuse('DEVICE_UNKNOWN', 'Nobody who may log in has this user name.')
  }

  /** Client ids are one list for all of a broker's clients: one that is a device's id, or begins with it and a slash, is that device's. */
  const assertOwnClientId = async (username: string, clientId: string): Promise<void> => {
    const [owner = ''] = clientId.split('/', 1)
    if (owner !== username && (await authenticator.subjectOf(owner))) throw refuse('CLIENT_ID_FOREIGN')
  }

  const logIn = async (broker: BrokerKind, question: Extract<BrokerQuestion, { asks: 'login' }>) => {
    const { username, password, clientId } = question
    if (username === applicationUser)
      throw refuse('CREDENTIALS_WRONG', 'At a broker the user name of an application is key/{id of the API key}.')
    const address = toAddress(broker, question)
    const credentials = { kind: 'password', username, password } as const
    // Whether that connection is encrypted is between the client and its broker.
    const proof = await authenticator.authenticate({ protocol: broker, address, encrypted: true, credentials })
    if (clientId !== undefined) await assertOwnClientId(username, clientId)
    logins.keep(toName(broker, question), proof)
    return proof.endsAtMicros === undefined ? yes : { ...yes, endsAtMicros: proof.endsAtMicros }
  }

  const judge = async (broker: BrokerKind, question: BrokerQuestion): Promise<BrokerAnswer> => {
    const { asks, username } = question
    if (asks === 'nothing') throw refuse('BROKER_UNABLE', question.detail)
    if (asks === 'login') return logIn(broker, question)
    const subject = logins.apply(toName(broker, question), await subjectOf(username), clock.nowMicros())
    if (!subject) throw refuse('CREDENTIALS_ENDED')
    if (asks === 'session') await assertOwnClientId(username, question.clientId)
    if (asks !== 'topic') return yes
    const ban = broker === 'rabbitmq' ? findDottedBan(deps.rules.sorted, question) : undefined
    if (ban)
      throw refuse('TOPIC_FORBIDDEN', `The access rule "${ban.id}" denies ${ban.filter}.`, {
        step: 'rule',
        rule: ban.id,
      })
    const decision = await authoriser.decideWithProviders(subject, question.action, question.topic)
    if (!decision.allowed) throw toRefusal(decision, question.action)
    return yes
  }

  const record = (protocol: BrokerKind, broker: string, question: BrokerQuestion, refused: RefusedError): void => {
    const { username: device, clientId, address: told } = question
    const address = told !== undefined && isIP(told) !== 0 ? told : broker
    const asked =
      question.asks === 'topic'
        ? ({ action: question.action, topic: question.topic } as const)
        : ({ action: 'connect', topic: undefined } as const)
    deps.refusals.record(toRefusalFields({ device, protocol, address, clientId, ...asked }, refused))
  }

  return {
    async answer({ kind, key, address }, question) {
      try {
        if (!rate.take(key)) throw refuse('QUESTION_RATE')
        return await judge(kind, question)
      } catch (cause) {
        const refused = isRefused(cause) ? cause : refuse('STORE_UNAVAILABLE', undefined, { cause })
        if (!isRefused(cause)) deps.failed(cause)
        if (refused.reason !== 'unavailable') record(kind, address, question, refused)
        return { allowed: false, detail: refused.message }
      }
    },
  }
}

const toName = (broker: BrokerKind, { username, clientId = '' }: BrokerQuestion): string =>
  JSON.stringify([broker, username, clientId])

/** Where the broker does not say it, each user name counts for itself: one client's guesses must not hold up all others. */
const toAddress = (broker: BrokerKind, { address, username }: BrokerQuestion): string =>
  address !== undefined && isIP(address) !== 0 ? address : `${broker}/${username.slice(0, 128)}`
