import type { AccessAction, Decision, Refusal } from '@patchbay/contracts/access'

/**
 * Who asks. Devices have the built-in rights of their id; applications only the filters of their key, and a provisioning key may ask for a
 * device and hear the answer.
 */
export type Subject =
  | { kind: 'device'; id: string; type: string; tags: readonly string[]; grants?: Grants }
  | { kind: 'application'; id: string; publish: readonly string[]; subscribe: readonly string[] }
  | { kind: 'provisioning'; id: string }

/** Filters that an access provider gives to one login, besides what rules and the built-in rights allow. */
export interface Grants {
  provider: string
  publish: readonly string[]
  subscribe: readonly string[]
}

/** A login that is allowed, and what belongs to it: when it ends (µs since 1970) and filters of its own. */
export interface AllowedLogin {
  answer: 'allow'
  endsAtMicros?: number
  publish?: readonly string[]
  subscribe?: readonly string[]
}

/** A plugin that also answers access questions; undefined = abstain. The admin orders them. */
export interface Provider {
  name: string
  connect?: (who: {
    username: string
    password: string
    protocol: string
    address: string
  }) => Promise<'allow' | 'deny' | AllowedLogin | undefined>
  /** The device that a secret without a user name is of; the claim is proved by `connect`. */
  deviceOf?: (secret: string) => string | undefined
  decide?: (question: { device: string; action: AccessAction; topic: string }) => Promise<'allow' | 'deny' | undefined>
}

/** Milliseconds a provider has for one answer; later, a throw, or five failures in a row (breaker open) = deny. */
export const providerBudgetMs = 1000

/** The one authoriser that every protocol calls. Any deny wins, then any allow, then the built-in right, else deny. */
export interface Authoriser {
  /** Built-in rights, rules and key filters, at once and from memory. */
  decide(subject: Subject, action: AccessAction, topic: string): Decision
  /** As `decide`, and the providers are asked too. */
  decideWithProviders(subject: Subject, action: AccessAction, topic: string): Promise<Decision>
  /** Some provider decides on publish or subscribe, so `decide` alone is not the whole answer. */
  readonly hasProviders: boolean
  /** Grows when rules or providers change: a decision kept from an older generation is void. */
  readonly generation: number
}

/** What the providers came to: the first deny, else the first allow, else undefined. `failed`: no answer, which denies. */
export type Verdict = { answer: 'allow' | 'deny'; provider: string; failed?: boolean } | undefined

/** As a verdict; an allow also says when the session ends at the latest, and what is granted to it. */
export type LoginVerdict =
  | { answer: 'allow' | 'deny'; provider: string; failed?: boolean; endsAtMicros?: number; grants?: Grants }
  | undefined

/** All providers in the admin's order, as the authenticator and the authoriser ask them. */
export interface ProviderChain {
  readonly hasConnectors: boolean
  readonly hasDeciders: boolean
  /** Grows when a provider comes or goes. */
  readonly generation: number
  connect(who: Parameters<NonNullable<Provider['connect']>>[0]): Promise<LoginVerdict>
  /** The first provider that knows whose secret it is names the device. */
  deviceOf(secret: string): string | undefined
  decide(question: Parameters<NonNullable<Provider['decide']>>[0]): Promise<Verdict>
}

/** One refusal as it happens; the log gives it its id, time and count. */
export type NewRefusal = Omit<Refusal, 'id' | 'at' | 'count'>

/** Takes refusals from the hot path: at once, never waiting, never throwing. */
export interface RefusalRecorder {
  record(refusal: NewRefusal): void
}
