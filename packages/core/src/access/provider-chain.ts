import type { Clock } from '../clock.ts'
import { createBreaker, type Breaker } from './breaker.ts'
import { joinAllows, toLoginAnswer } from './login-answer.ts'
import {
  type AllowedLogin,
  type LoginVerdict,
  type Provider,
  type ProviderChain,
  providerBudgetMs,
  type Verdict,
} from './port.ts'

/** Questions one provider may have open at once; one more is denied. */
export const maxProviderCalls = 1000
/** Decisions kept, and for how long at most: a provider that changes its mind is heard by then. */
export const maxKeptDecisions = 10_000
export const keptDecisionMs = 60_000

interface Entry {
  provider: Provider
  order: number
  breaker: Breaker
  open: number
}

export interface Providers extends ProviderChain {
  /** Takes a provider in; the answer takes it out again. The lower order is asked first. */
  add(provider: Provider, order: number): () => void
  state(): { name: string; failures: number; suspended: boolean }[]
}

type Ask = (provider: Provider) => Promise<'allow' | 'deny' | AllowedLogin | undefined> | undefined

/** Asks the access providers in order, each within its budget. No answer is a deny: an outage must not open doors. */
export function createProviders(deps: { clock: Clock; changed?: () => void }): Providers {
  const { clock } = deps
  let entries: readonly Entry[] = []
  let generation = 1
  const kept = new Map<string, { verdict: Verdict; untilMs: number }>()
  const asking = new Map<string, Promise<Verdict>>()

  const replaceEntries = (next: readonly Entry[]) => {
    entries = [...next].sort((a, b) => a.order - b.order)
    generation++
    kept.clear()
    asking.clear()
    deps.changed?.()
  }

  const askOne = async (entry: Entry, ask: Ask): Promise<LoginVerdict> => {
    const provider = entry.provider.name
    const failed: LoginVerdict = { answer: 'deny', provider, failed: true }
    if (entry.open >= maxProviderCalls || !entry.breaker.mayTry()) return failed
    entry.open++
    try {
      const answer = await within(clock, providerBudgetMs, async () => ask(entry.provider))
      const verdict = toLoginAnswer(provider, answer)
      if (verdict === 'nonsense') {
        entry.breaker.failed()
        return failed
      }
      entry.breaker.succeeded()
      return verdict
    } catch {
      // Whatever went wrong inside the provider, its answer is the same: deny. The breaker counts it, `state` shows it.
      entry.breaker.failed()
      return failed
    } finally {
      entry.open--
    }
  }

  const askAll = async (ask: Ask, isAsked: (provider: Provider) => boolean): Promise<LoginVerdict> => {
    let allow: LoginVerdict
    for (const entry of entries) {
      if (!isAsked(entry.provider)) continue
      const verdict = await askOne(entry, ask)
      if (verdict?.answer === 'deny') return verdict
      allow = joinAllows(allow, verdict)
    }
    return allow
  }

  const keep = (key: string, verdict: Verdict) => {
    for (const oldest of kept.keys()) {
      if (kept.size < maxKeptDecisions) break
      kept.delete(oldest)
    }
    kept.delete(key)
    kept.set(key, { verdict, untilMs: clock.monotonicMs() + keptDecisionMs })
  }

  return {
    add(provider, order) {
      const entry: Entry = { provider, order, breaker: createBreaker(clock), open: 0 }
      replaceEntries([...entries, entry])
      return () => {
        if (entries.includes(entry)) replaceEntries(entries.filter((other) => other !== entry))
      }
    },
    state: () =>
      entries.map(({ provider, breaker }) => ({
        name: provider.name,
        failures: breaker.failures,
        suspended: breaker.suspended,
      })),
    get hasConnectors() {
      return entries.some(({ provider }) => provider.connect)
    },
    get hasDeciders() {
      return entries.some(({ provider }) => provider.decide)
    },
    get generation() {
      return generation
    },
    deviceOf(secret) {
      for (const { provider } of entries) {
        try {
          const device = provider.deviceOf?.(secret)
          if (device !== undefined) return device
        } catch {
          // It only names whom to ask about; who cannot read the secret does not know whose it is.
        }
      }
      return undefined
    },
    connect: (who) =>
      askAll(
        (provider) => provider.connect?.({ ...who }),
        (provider) => provider.connect !== undefined,
      ),
    async decide(question) {
      const key = `${question.action}\0${question.device}\0${question.topic}`
      const known = kept.get(key)
      if (known && known.untilMs > clock.monotonicMs()) return known.verdict
      const running = asking.get(key)
      if (running) return running
      const asked = generation
      const answer = askAll(
        (provider) => provider.decide?.({ ...question }),
        (provider) => provider.decide !== undefined,
      )
      asking.set(key, answer)
      const verdict = await answer
      if (asking.get(key) === answer) asking.delete(key)
      // An answer of providers that have changed meanwhile, or no answer at all, is not worth keeping.
      if (asked === generation && !verdict?.failed) keep(key, verdict)
      return verdict
    },
  }
}

async function within<T>(clock: Clock, ms: number, work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => late.reject(new Error(`no answer within ${ms} ms`)))
  try {
    return await Promise.race([work(), late.promise])
  } finally {
    cancel()
  }
}
