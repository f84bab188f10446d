import type { Client, Subscription } from 'aedes'
import { isRefused, type RefusedError } from '@patchbay/sdk'
import { answerSafely, recordRefusal, type Adapter } from './adapter.ts'
import { endClient, type ClientState, type GrantedFilter } from './client-state.ts'
import { badFilter, denied, notOpen, readsTooSlowly, storeUnavailable, tooManySubscriptions } from './errors.ts'
import { isOpen } from './login.ts'
import { reasonCodes, subackOf } from './refusal-words.ts'
import { filterProblem, matchesFilter } from './topics.ts'

/** An answer of the authoriser to a delivery is good for this long. */
const mayReceiveMs = 1_000
const maxRemembered = 500
/** A client that has left this much unread is not read to any more. */
const maxBacklogBytes = 8 * 1024 * 1024

type Answer = (error: Error | null, subscription?: Subscription | null | number) => void

/** The subscribe hook of aedes: a filter is granted, or answered with a reason code; the connection stays. */
export const createAuthorizeSubscribe =
  (adapter: Adapter) => (client: Client, subscription: Subscription, answer: Answer) => {
    const state = adapter.states.get(client)
    if (state === undefined) return answer(storeUnavailable())
    void answerSubscribe(adapter, state, subscription, answer)
  }

async function answerSubscribe(
  adapter: Adapter,
  state: ClientState,
  subscription: Subscription,
  answer: Answer,
): Promise<void> {
  let granted: Subscription | number = subscription
  try {
    state.filters.set(subscription.topic, await authorize(adapter, state, subscription))
  } catch (error) {
    if (!isRefused(error)) adapter.log.error('a subscribe failed', { error: String(error) })
    granted = subackOf(isRefused(error) ? error : storeUnavailable(error))
  }
  answerSafely(adapter, state, () => answer(null, granted))
}

async function authorize(adapter: Adapter, state: ClientState, asked: Subscription): Promise<GrantedFilter> {
  const filter = asked.topic
  const refused = problemOf(adapter, state, filter)
  if (refused !== undefined) {
    recordRefusal(adapter, state, 'subscribe', refused, filter)
    throw refused
  }
  const before = state.filters.get(filter)
  const granted: GrantedFilter = {
    qos: asked.qos,
    subscriptionIdentifier: identifierOf(asked),
    byProvider: false,
    platform: before?.platform,
  }
  if (state.session === undefined) return granted
  // its place is taken before the authoriser answers: several SUBSCRIBEs at once keep to the limit too
  if (before === undefined) state.filters.set(filter, granted)
  const decision = await state.session.authorize('subscribe', filter)
  if (!decision.allowed) {
    if (before === undefined) state.filters.delete(filter)
    throw denied(decision.step, decision.detail)
  }
  return { ...granted, byProvider: decision.provider !== undefined }
}

function problemOf(adapter: Adapter, state: ClientState, filter: string): RefusedError | undefined {
  const problem = filterProblem(filter)
  if (problem !== undefined) return badFilter(`The filter ${problem}`)
  const limit = adapter.limits.maxSubscriptionsPerSession
  if (state.filters.size >= limit && !state.filters.has(filter)) return tooManySubscriptions(limit)
  return state.session === undefined && !isOpen(adapter, filter) ? notOpen(filter) : undefined
}

function identifierOf(subscription: Subscription): number | undefined {
  const given: unknown = 'subscriptionIdentifier' in subscription ? subscription.subscriptionIdentifier : undefined
  return typeof given === 'number' ? given : undefined
}

/**
 * Asks the platform for what it sends itself under a granted filter (commands, desired shadow), once the client has its SUBACK or,
 * for a session that is resumed, its CONNACK.
 */
export function followPlatform(adapter: Adapter, state: ClientState, filter: string): void {
  const granted = state.filters.get(filter)
  const session = state.session
  if (granted === undefined || session === undefined || state.closed) return
  granted.platform?.close()
  granted.platform = undefined
  session
    .subscribe(filter, (message) => state.deliveries.send(message, granted.qos, granted.subscriptionIdentifier), {
      from: 'platform',
      qos: granted.qos,
    })
    .then(
      (subscription) => {
        if (state.closed || state.filters.get(filter) !== granted) subscription.close()
        else granted.platform = subscription
      },
      (error: unknown) => adapter.log.debug('the platform sends nothing here', { filter, error: String(error) }),
    )
}

export function unfollow(state: ClientState, filter: string): void {
  state.filters.get(filter)?.platform?.close()
  state.filters.delete(filter)
}

/** The forward hook of aedes: each delivery is checked again, for rights may have gone since the SUBSCRIBE. */
export const createAuthorizeForward =
  (adapter: Adapter) =>
  <P extends { topic: string; qos: number }>(client: Client, packet: P): P | null => {
    const state = adapter.states.get(client)
    if (state === undefined) return null
    if (state.guard.backlogBytes > maxBacklogBytes) {
      if (packet.qos === 0) return null
      recordRefusal(adapter, state, 'receive', readsTooSlowly(), packet.topic)
      endClient(state, reasonCodes.quota)
      return null
    }
    return mayReceive(state, packet.topic) ? packet : null
  }

function mayReceive(state: ClientState, topic: string): boolean {
  const session = state.session
  if (session === undefined) return state.anonymous
  const nowMs = Date.now()
  const known = state.mayReceive.get(topic)
  if (known !== undefined && known.untilMs > nowMs) return known.allowed
  const decision = session.may('subscribe', topic)
  const allowed = decision.allowed || (decision.step === 'default' && isProvided(state, topic))
  if (state.mayReceive.size >= maxRemembered) state.mayReceive.clear()
  state.mayReceive.set(topic, { allowed, untilMs: nowMs + mayReceiveMs })
  return allowed
}

/** An access plugin answers once, when the filter is asked for: nothing else allows it, nothing denies it either. */
function isProvided(state: ClientState, topic: string): boolean {
  for (const [filter, granted] of state.filters) if (granted.byProvider && matchesFilter(filter, topic)) return true
  return false
}
