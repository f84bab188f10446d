import { randomUUID } from 'node:crypto'
import type { DeliveryAnswer } from '@patchbay/contracts/notification'
import type { AlertChannel } from '../contributions.ts'
import type { VerifyAbout, VerifyAnswer } from '../define-plugin.ts'
import { BadConfig, NotReady } from '../failures.ts'
import { type OutboundRequest, post, TargetForbidden } from '../outbound/http-post.ts'
import { BadTemplate, compileTemplate, type Template, type TemplateOptions } from '../template/template.ts'
import { toTestNotification } from './message.ts'
import { toDeliveryAnswer, toReply } from './reply.ts'

export type { AlertChannel } from '../contributions.ts'
export { assertOpenTarget as assertTarget } from '../outbound/http-post.ts'
export { toDetails, toHeadline, toTestNotification, toValues } from './message.ts'
export { cutText, hideSecrets, retryAfterMs, toDeliveryAnswer, toOutcome, toReply, toUrlSecrets } from './reply.ts'

/** A delivery that failed in a way the remote, or the template, will repeat. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused'
}

/**
 * The whole of a plugin's `verify`: `open` must throw BadConfig for what is wrong by itself; a test sends one notification of kind `test`
 * and answers, or throws, the remote's own words.
 */
export async function verifyChannel(
  open: () => Promise<AlertChannel>,
  signal: AbortSignal,
  { purpose }: Pick<VerifyAbout, 'purpose'>,
): Promise<VerifyAnswer | void> {
  const channel = await open()
  if (purpose === 'save') return
  const notification = toTestNotification(randomUUID(), new Date().toISOString())
  const { outcome, reply } = await channel.deliver(notification, { attempt: 1, signal })
  if (outcome === 'delivered') return { reply }
  throw outcome === 'retry' ? new NotReady(reply) : new DeliveryRefused(reply)
}

/** A template of a configuration; throws BadConfig with the field's path. */
export async function openTemplate(path: string, source: string, options?: TemplateOptions): Promise<Template> {
  try {
    return await compileTemplate(source, options)
  } catch (cause) {
    throw cause instanceof BadTemplate ? new BadConfig(path, cause.message, { cause }) : cause
  }
}

/**
 * Runs one try so that it always ends in an answer: what can never work is `refused`, everything else is tried again. Secrets are taken out
 * of what is told.
 */
export async function answerOf(
  work: () => Promise<DeliveryAnswer>,
  secrets: readonly (string | undefined)[],
): Promise<DeliveryAnswer> {
  try {
    return await work()
  } catch (error) {
    const permanent =
      error instanceof TargetForbidden ||
      error instanceof DeliveryRefused ||
      (error instanceof BadTemplate && !error.slow)
    const text = error instanceof Error ? error.message : String(error)
    return { outcome: permanent ? 'refused' : 'retry', reply: toReply(text, secrets) }
  }
}

/** What `deliverByPost` sends. */
export interface HttpDelivery extends OutboundRequest {
  /** Never told in a reply. */
  secrets: readonly (string | undefined)[]
}

/** One POST as one try. */
export const deliverByPost = ({ secrets, ...request }: HttpDelivery): Promise<DeliveryAnswer> =>
  answerOf(async () => toDeliveryAnswer(await post(request), secrets), secrets)
