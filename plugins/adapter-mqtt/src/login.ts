import { randomUUID } from 'node:crypto'
import { isRefused, type Credentials, type RefusedError } from '@patchbay/sdk'
import { recordRefusal, type Adapter } from './adapter.ts'
import type { Client } from './client.ts'
import { ownerOf, toClientName } from './client-name.ts'
import {
  badAuthenticationMethod,
  badTopic,
  clientIdMissing,
  denied,
  keepAliveTooLong,
  notOpen,
  reservedTopic,
  resendsRefused,
  storeUnavailable,
  tooManySessions,
} from './errors.ts'
import { isOpen } from './open-topics.ts'
import { connackCodeOf, disconnectCodes, reasonCodes } from './refusal-words.ts'
import { resumeSession } from './session-resumption.ts'
import { isReserved, limitProblem } from './topics.ts'
import { writeConnack } from './wire/connack.ts'
import type { Connect } from './wire/connect.ts'
import type { Properties } from './wire/properties.ts'

/** What four bytes of length can say. [MQTT 5, 1.5.5] */
const maxProtocolPacketBytes = 268_435_455
/** A client that takes no more than this is told codes without words. */
const minReasonPacketBytes = 1_024

/** Says who the client is, gives it its session, and answers the CONNECT. */
export async function logIn(adapter: Adapter, client: Client, connect: Connect): Promise<void> {
  try {
    const name = await admit(adapter, client, connect)
    if (client.closed) return
    const { isPresent, restore } = await resumeSession(adapter, client, name, connect)
    if (client.closed) return
    client.connected = true
    client.keepAliveMs = keepAliveSecondsOf(adapter, connect) * 1000
    client.lastHeardMs = Date.now()
    const connack = writeConnack(
      client.version,
      0,
      isPresent && client.version > 3,
      connackProperties(adapter, client, connect),
    )
    // [MQTT-3.1.2-24] not even the CONNACK may be larger than the client can take
    if (connack.length > client.maximumPacketSize) return client.end()
    client.send(connack)
    restore()
    client.stream.admit()
  } catch (error) {
    if (!isRefused(error)) adapter.log.error('a login failed', { error: String(error) })
    refuse(client, isRefused(error) ? error : storeUnavailable(error))
  }
}

function refuse(client: Client, refused: RefusedError): void {
  if (client.closed) return
  const code =
    client.version === 5 && refused.code === 'MQTT_AUTHENTICATION_METHOD'
      ? reasonCodes.badAuthenticationMethod
      : connackCodeOf(refused, client.version)
  // the reason in words is for the console: whoever has not proved who they are is told a code
  client.send(writeConnack(client.version, code, false, undefined))
  client.stream.close()
}

/** [MQTT-3.2.2-21] in MQTT 5 the server may name a shorter one than the client has. */
function keepAliveSecondsOf({ limits }: Adapter, { keepAliveSeconds, version }: Connect): number {
  const limit = limits.maxKeepAliveSeconds
  const isLonger = limit > 0 && (keepAliveSeconds === 0 || keepAliveSeconds > limit)
  return isLonger && version === 5 ? limit : keepAliveSeconds
}

function connackProperties(adapter: Adapter, client: Client, connect: Connect): Properties {
  const { limits } = adapter
  const keepAlive = keepAliveSecondsOf(adapter, connect)
  const asked = connect.properties?.sessionExpiryInterval ?? 0
  return {
    ...(limits.topicAliases > 0 ? { topicAliasMaximum: limits.topicAliases } : {}),
    // [MQTT 5, 3.2.2.3.6] the protocol itself allows no more
    ...(limits.maxPacketBytes < maxProtocolPacketBytes ? { maximumPacketSize: limits.maxPacketBytes } : {}),
    // [MQTT-3.2.2-16] the server has given the id
    ...(connect.clientId === '' ? { assignedClientIdentifier: client.clientId } : {}),
    // [MQTT-3.2.2-21] the client keeps to it instead of its own
    ...(keepAlive === connect.keepAliveSeconds ? {} : { serverKeepAlive: keepAlive }),
    // [MQTT 5, 3.2.2.3.2] other than asked for
    ...(asked > client.sessionExpirySeconds ? { sessionExpiryInterval: client.sessionExpirySeconds } : {}),
    receiveMaximum: limits.receiveMaximum,
  }
}

/** Everything that can refuse a CONNECT. The result is the name the broker has for the client. */
async function admit(adapter: Adapter, client: Client, connect: Connect): Promise<string> {
  const { version, properties } = connect
  client.receiveMaximum = properties?.receiveMaximum ?? 65_535
  client.maximumPacketSize = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
  // [MQTT-3.1.2-29]; [MQTT-3.4.2-2] no words where they might not fit
  client.wantsReasons =
    version === 5 && properties?.requestProblemInformation !== 0 && client.maximumPacketSize >= minReasonPacketBytes
  const method = properties?.authenticationMethod
  if (method !== undefined) throw recorded(adapter, client, badAuthenticationMethod(method))
  // [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty ids at all; [MQTT-3.1.3-6] of v5 assigns one in any case
  if (connect.clientId === '' && (version === 3 || (version === 4 && !connect.clean))) {
    throw recorded(adapter, client, clientIdMissing())
  }
  const maxKeepAlive = adapter.limits.maxKeepAliveSeconds
  if (version < 5 && maxKeepAlive > 0 && (connect.keepAliveSeconds === 0 || connect.keepAliveSeconds > maxKeepAlive)) {
    throw recorded(adapter, client, keepAliveTooLong(maxKeepAlive)) // 3.1.1 has no way to name another
  }
  client.clientId = connect.clientId === '' ? `auto-${randomUUID()}` : connect.clientId
  client.topicAliasMaximum = properties?.topicAliasMaximum ?? 0
  const limit = adapter.limits.maxSessionExpirySeconds
  const asked = version === 5 ? (properties?.sessionExpiryInterval ?? 0) : connect.clean ? 0 : limit
  client.sessionExpirySeconds = Math.min(asked, limit)
  const credentials = credentialsOf(client, connect)
  client.anonymous = credentials.kind === 'none' && adapter.openTopics.length > 0
  if (client.anonymous) client.wantsReasons = false
  else await openSession(adapter, client, credentials)
  const principal = client.session?.principal
  // Nobody can come back to the session of a provisioning key: it is no device's.
  if (principal?.kind === 'provisioning') client.sessionExpirySeconds = 0
  const name =
    principal === undefined
      ? toClientName('open', '', client.clientId)
      : toClientName(principal.kind, principal.id, client.clientId)
  const waitMs = version < 5 ? adapter.throttle.waitMs(name) : 0
  if (waitMs > 0) throw recorded(adapter, client, resendsRefused(waitMs))
  checkSession(adapter, client, name)
  await checkWill(adapter, client, connect.will)
  return name
}

function recorded(adapter: Adapter, client: Client, refused: RefusedError): RefusedError {
  recordRefusal(adapter, client, 'connect', refused)
  return refused
}

async function openSession(adapter: Adapter, client: Client, credentials: Credentials): Promise<void> {
  const { address, encrypted } = client.connection
  const { clientId } = client
  const session = await adapter.sessions.open({ protocol: 'mqtt', address, encrypted, clientId, credentials })
  if (client.closed) {
    session.close()
    throw storeUnavailable()
  }
  client.session = session
  session.onEnd((why) => {
    const reasonCode = disconnectCodes[why]
    if (reasonCode !== undefined) client.end(reasonCode)
  })
}

function credentialsOf(client: Client, { username, password }: Connect): Credentials {
  const secret = password?.toString('utf8')
  if (username !== undefined) return { kind: 'password', username, password: secret ?? '' }
  // [MQTT 5, 3.1.2.9] a password without a user name is a token
  if (secret !== undefined) return { kind: 'bearer', secret }
  const certificate = client.connection.certificate
  return certificate === undefined ? { kind: 'none' } : { kind: 'certificate', ...certificate }
}

function checkSession(adapter: Adapter, client: Client, name: string): void {
  const { store, limits } = adapter
  if (client.sessionExpirySeconds === 0 || store.hasSession(name)) return
  if (store.sessions.countOf(ownerOf(name)) < limits.maxKeptSessionsPerDevice) return
  throw recorded(adapter, client, tooManySessions(limits.maxKeptSessionsPerDevice))
}

/** A will is a publish that has been promised: one that would be refused is refused now. */
async function checkWill(adapter: Adapter, client: Client, will: Connect['will']): Promise<void> {
  if (will === undefined) return
  const problem = limitProblem(will.topic, adapter.limits)
  if (problem !== undefined) throw recorded(adapter, client, badTopic(`The will’s topic ${problem}`))
  // [MQTT-4.7.2-1] as any other publish
  if (isReserved(will.topic)) throw recorded(adapter, client, reservedTopic(will.topic))
  if (client.session === undefined) {
    if (!isOpen(adapter, will.topic)) throw notOpen(will.topic)
    return
  }
  const decision = await client.session.authorize('publish', will.topic)
  if (!decision.allowed) throw denied(decision.step, decision.detail)
}
