import type { WriteAnswer } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'

/** What became of one message. */
export type Outcome = { is: 'taken' } | { is: 'refused'; words: string } | { is: 'open'; words: string }

export const taken: Outcome = { is: 'taken' }

/** A broker answers message by message: what it said of a batch, as one answer. */
export function toWriteAnswer(
  outcomes: readonly Outcome[],
  secrets: readonly (string | undefined)[] = [],
): WriteAnswer {
  const refused: { index: number; reply: string }[] = []
  const retry: { index: number; reply: string }[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.is === 'taken') continue
    const list = outcome.is === 'refused' ? refused : retry
    list.push({ index, reply: toReply(outcome.words, secrets) })
  }
  if (refused.length === 0 && retry.length === 0) return { outcome: 'delivered' }
  const [first] = retry
  if (first && retry.length === outcomes.length) return { outcome: 'retry', reply: first.reply }
  return { outcome: 'partial', refused, retry }
}
