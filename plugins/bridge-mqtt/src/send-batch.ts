import type { WriteAnswer } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import type { Link } from './link.ts'
import type { Outcome, Outgoing } from './outbox.ts'

/** A try of a batch waits so long for a connection before it says that there is none. */
const waitForLinkMs = 20_000

/** One item of a batch: what goes over the wire, or what has become of it without. */
export interface BatchItem {
  readonly id: string
  /** Asked when there is a connection. */
  outgoing(): Outgoing | Outcome
}

/** Answers as the platform wants it: what was refused, what is to come again, and that all else is safe there. */
function toAnswer(outcomes: readonly (Outcome | undefined)[], why: string): WriteAnswer {
  const refused: { index: number; reply: string }[] = []
  const retry: { index: number; reply: string }[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === undefined) retry.push({ index, reply: why })
    else if (outcome.kind === 'refused') refused.push({ index, reply: outcome.reply })
    else if (outcome.kind === 'later') retry.push({ index, reply: outcome.reply })
  }
  return refused.length + retry.length === 0 ? { outcome: 'delivered' } : { outcome: 'partial', refused, retry }
}

/** One try of a batch, in order. */
export async function sendBatch(
  link: Link,
  items: readonly BatchItem[],
  { signal, secrets }: { signal: AbortSignal; secrets: readonly (string | undefined)[] },
): Promise<WriteAnswer> {
  try {
    await link.connected(AbortSignal.any([signal, AbortSignal.timeout(waitForLinkMs)]))
  } catch {
    // Its message is the link's own trouble.
    return { outcome: 'retry', reply: toReply(link.trouble, secrets) }
  }
  const found: (Outcome | undefined)[] = items.map(() => undefined)
  const all = Promise.all(
    items.map(async (item, index) => {
      const outgoing = item.outgoing()
      found[index] = 'kind' in outgoing ? outgoing : await link.outbox.publish(item.id, outgoing)
    }),
  )
  const givenUp = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([all, givenUp])
  // What was not sent is not sent behind the platform's back; what was, is asked for by the next try.
  link.outbox.forget(items.filter((_, index) => found[index] === undefined).map(({ id }) => id))
  return toAnswer(found, toReply(link.trouble || 'The broker has not acknowledged it.', secrets))
}
