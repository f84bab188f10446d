import { randomUUID } from 'node:crypto'
import type { Client } from 'aedes'
import { isRefused, type Credentials } from '@patchbay/sdk'
import { answerSafely, recordRefusal, type Adapter } from './adapter.ts'
import { ownerOf, toClientName } from './client-name.ts'
import { endClient, type ClientState } from './client-state.ts'
import { badTopic, denied, notOpen, resendsRefused, storeUnavailable, tooManySessions } from './errors.ts'
import { connackOf, disconnectCodes } from './refusal-words.ts'
import { matchesFilter, topicProblem } from './topics.ts'

/** What the login reads of a CONNECT. */
export interface ConnectFields {
  clientId: string
  clean?: boolean
  protocolVersion?: number
  username?: string
  password?: Buffer
  will?: { topic: string } | undefined
  properties?: { sessionExpiryInterval?: number }
}

/**
 * Who the client is, before aedes sees it: the broker then knows it by its own name within its device. A refusal is kept for
 * `authenticate`, which is where aedes answers a CONNACK.
 */
export const createPreConnect =
  (adapter: Adapter) =>
  (client: Client, packet: ConnectFields, proceed: (error: Error | null, ok: boolean) => void) => {
    const state = adapter.states.get(client)
    if (state === undefined) return proceed(storeUnavailable(), false)
    void answerLogin(adapter, state, packet, proceed)
  }

async function answerLogin(
  adapter: Adapter,
  state: ClientState,
  packet: ConnectFields,
  proceed: (error: Error | null, ok: boolean) => void,
): Promise<void> {
  try {
    await logIn(adapter, state, packet)
  } catch (error) {
    if (!isRefused(error)) adapter.log.error('a login failed', { error: String(error) })
    state.refusedLogin = isRefused(error) ? error : storeUnavailable(error)
  }
  answerSafely(adapter, state, () => proceed(null, !state.closed))
}

export const createAuthenticate =
  (adapter: Adapter) =>
  (
    client: Client,
    _username: unknown,
    _password: unknown,
    done: (error: ReturnType<typeof connackOf> | null, ok: boolean) => void,
  ) => {
    const refused = adapter.states.get(client)?.refusedLogin
    if (refused === undefined) done(null, true)
    else done(connackOf(refused), false)
  }

async function logIn(adapter: Adapter, state: ClientState, packet: ConnectFields): Promise<void> {
  const version = packet.protocolVersion ?? 4
  // [MQTT-3.1.3-8] aedes answers it with CONNACK 2; [MQTT-3.1.3-6] v5 assigns an id in any case
  if (packet.clientId === '' && packet.clean !== true && version < 5) return
  const assigned = packet.clientId === ''
  const clientId = assigned ? randomUUID() : packet.clientId
  state.clientId = clientId
  const credentials = credentialsOf(state, packet)
  state.anonymous = credentials.kind === 'none' && adapter.openTopics.length > 0
  if (!state.anonymous) await openSession(adapter, state, credentials)
  const principal = state.session?.principal
  const name =
    principal === undefined ? toClientName('open', '', clientId) : toClientName(principal.kind, principal.id, clientId)
  const keeps = version === 5 ? (packet.properties?.sessionExpiryInterval ?? 0) > 0 : packet.clean !== true
  const waitMs = version < 5 ? adapter.throttle.waitMs(name) : 0
  if (waitMs > 0) {
    const refused = resendsRefused(waitMs)
    recordRefusal(adapter, state, 'connect', refused)
    throw refused
  }
  await checkSession(adapter, state, name, keeps)
  await checkWill(adapter, state, packet.will)
  state.kept = keeps
  packet.clientId = name
  if (assigned) Object.assign(packet, { _assignedClientId: clientId })
}

async function openSession(adapter: Adapter, state: ClientState, credentials: Credentials): Promise<void> {
  const { address, encrypted } = state.connection
  const session = await adapter.sessions.open({
    protocol: 'mqtt',
    address,
    encrypted,
    clientId: state.clientId,
    credentials,
  })
  if (state.closed) {
    session.close()
    throw storeUnavailable()
  }
  state.session = session
  session.onEnd((why) => {
    const reasonCode = disconnectCodes[why]
    if (reasonCode !== undefined) endClient(state, reasonCode)
  })
}

function credentialsOf(state: ClientState, packet: ConnectFields): Credentials {
  const password = packet.password?.toString('utf8')
  if (packet.username !== undefined) return { kind: 'password', username: packet.username, password: password ?? '' }
  // [MQTT 5, 3.1.2.9] a password without a user name is a token
  if (password !== undefined) return { kind: 'bearer', secret: password }
  const certificate = state.connection.certificate
  return certificate === undefined ? { kind: 'none' } : { kind: 'certificate', ...certificate }
}

async function checkSession(adapter: Adapter, state: ClientState, name: string, keeps: boolean): Promise<void> {
  const { store, limits } = adapter
  if (store.hasSession(name)) return
  await store.endSession(name) // what an expired one left, before the sweep comes by
  if (!keeps || store.sessions.countOf(ownerOf(name)) < limits.maxKeptSessionsPerDevice) return
  const refused = tooManySessions(limits.maxKeptSessionsPerDevice)
  recordRefusal(adapter, state, 'connect', refused)
  throw refused
}

/** A will is a publish that has been promised: one that would be refused is refused now. */
async function checkWill(adapter: Adapter, state: ClientState, will: { topic: string } | undefined): Promise<void> {
  if (will === undefined) return
  const problem = topicProblem(will.topic)
  if (problem !== undefined) {
    const refused = badTopic(`The will’s topic ${problem}`)
    recordRefusal(adapter, state, 'connect', refused)
    throw refused
  }
  if (state.session === undefined) {
    if (!isOpen(adapter, will.topic)) throw notOpen(will.topic)
    return
  }
  const decision = await state.session.authorize('publish', will.topic)
  if (!decision.allowed) throw denied(decision.step, decision.detail)
}

export const isOpen = (adapter: Pick<Adapter, 'openTopics'>, topicOrFilter: string) =>
  adapter.openTopics.some((filter) => matchesFilter(filter, topicOrFilter))
