import type { PublishOptions, Settle, Topic } from '@patchbay/contracts/session'
import type { Authoriser } from '../access/port.ts'
import type { Clock } from '../clock.ts'
import { refuse } from '../errors.ts'
import type { AccessCheck } from './access-check.ts'
import type { Accept } from './acceptor.ts'
import { sessionLimits } from './limits.ts'
import type { Publisher } from './publisher.ts'
import type { SettleLater } from './settle-later.ts'
import { resolveTarget, type Target } from './target.ts'

/** What all topics of all sessions share. */
export interface TopicContext {
  access: AccessCheck
  authoriser: Pick<Authoriser, 'generation' | 'hasProviders'>
  accept: Accept
  settleLater: SettleLater
  clock: Clock
  /** Grows when devices or types change: a target found before is looked up again. */
  readonly epoch: number
}

interface Waiting {
  bytes: Uint8Array
  how: PublishOptions
  settle: Settle
}

/** A topic of one publisher. Its target is kept until rights, devices or types change. */
export class TopicHandle implements Topic {
  readonly name: string
  private readonly context: TopicContext
  private readonly publisher: Publisher & { readonly ended?: boolean }
  private target: Target | undefined
  private generation = -1
  private epoch = -1
  /** An access plugin's answer holds until then; 0 = no plugin was asked. */
  private untilMs = 0
  /** Messages that came while the target is looked up, in order. */
  private waiting: Waiting[] | undefined

  constructor(context: TopicContext, publisher: Publisher & { readonly ended?: boolean }, name: string) {
    this.context = context
    this.publisher = publisher
    this.name = name
  }

  push(bytes: Uint8Array, how: PublishOptions, settle: Settle): void {
    const { context } = this
    if (this.publisher.ended === true) {
      context.settleLater(settle, refuse('STORE_UNAVAILABLE', 'The session has ended.', { step: 'session' }))
      return
    }
    if (this.waiting === undefined && !this.isCurrent()) this.resolve()
    if (this.waiting !== undefined) {
      if (this.waiting.length < sessionLimits.messagesResolving) this.waiting.push({ bytes, how, settle })
      else context.settleLater(settle, refuse('INGEST_FULL'))
    } else if (this.target) context.accept(this.publisher, this.target, this.name, bytes, how, settle)
  }

  private isCurrent(): boolean {
    const { context } = this
    return (
      this.target !== undefined &&
      this.generation === context.authoriser.generation &&
      this.epoch === context.epoch &&
      (this.untilMs === 0 || context.clock.monotonicMs() < this.untilMs)
    )
  }

  private resolve(): void {
    const { context } = this
    this.generation = context.authoriser.generation
    this.epoch = context.epoch
    this.untilMs = context.authoriser.hasProviders ? context.clock.monotonicMs() + sessionLimits.providerDecisionMs : 0
    const target = resolveTarget(context.access, this.publisher, this.name)
    if (target instanceof Promise) {
      this.target = undefined
      this.waiting = []
      void target.then((found) => this.resolved(found))
    } else this.keep(target)
  }

  private resolved(target: Target): void {
    const waiting = this.waiting ?? []
    this.waiting = undefined
    this.keep(target)
    for (const { bytes, how, settle } of waiting) {
      this.context.accept(this.publisher, target, this.name, bytes, how, settle)
    }
  }

  private keep(target: Target): void {
    // That the store was away must not stick: the next message looks again.
    this.target = target
    if (target.kind === 'refused' && target.refused.reason === 'unavailable') this.generation = -1
  }
}
