import type { WriteAnswer } from '@patchbay/contracts/delivery'

export interface RefusedItem<T> {
  item: T
  reply: string
}

/** What became of a batch in one pass. */
export interface Pass<T> {
  delivered: number
  refused: RefusedItem<T>[]
  /** Not delivered and not refused: to be sent again, in this order. */
  left: T[]
  /** Why something is left. */
  reply?: string
  afterMs?: number
}

export interface PassOptions<T> {
  /** Items of one lane stay in order: what follows one that is sent again is sent again, too. Undefined: there is no order. */
  laneOf: ((item: T) => string) | undefined
}

/**
 * Sends a batch until nothing more can be done now. A part that is refused as a whole is halved until the items that are the cause stand
 * alone, so that they hold nothing else up. A try that came to nothing ends the pass: the target is away, and what is left waits.
 */
export async function runPass<T>(
  batch: readonly T[],
  write: (items: readonly T[]) => Promise<WriteAnswer>,
  { laneOf }: PassOptions<T>,
): Promise<Pass<T>> {
  const pass: Pass<T> = { delivered: 0, refused: [], left: [] }
  const parts: (readonly T[])[] = [batch]
  const endWith = (again: readonly T[], reply: string, afterMs: number | undefined): Pass<T> => ({
    ...pass,
    left: [...again, ...parts.flat()],
    reply,
    ...(afterMs === undefined ? {} : { afterMs }),
  })

  for (let part = parts.shift(); part; part = parts.shift()) {
    const [first] = part
    if (first === undefined) continue
    const answer = await write(part)
    if (answer.outcome === 'delivered') pass.delivered += part.length
    else if (answer.outcome === 'retry') return endWith(part, answer.reply, answer.afterMs)
    else if (answer.outcome === 'refused') {
      if (part.length === 1) pass.refused.push({ item: first, reply: answer.reply })
      else {
        const half = Math.ceil(part.length / 2)
        parts.unshift(part.slice(0, half), part.slice(half))
      }
    } else {
      const { refused, again } = toParts(part, answer, laneOf)
      pass.refused.push(...refused)
      pass.delivered += part.length - refused.length - again.length
      const why = answer.retry[0]?.reply ?? ''
      // With something parked the rest may go now; without, the target wants it later.
      if (again.length > 0 && refused.length === 0) return endWith(again, why, answer.afterMs)
      if (again.length > 0) parts.unshift(again)
    }
  }
  return pass
}

function toParts<T>(
  part: readonly T[],
  answer: Extract<WriteAnswer, { outcome: 'partial' }>,
  laneOf: PassOptions<T>['laneOf'],
): { refused: RefusedItem<T>[]; again: T[] } {
  const parked = new Map(answer.refused.map(({ index, reply }) => [index, reply]))
  const retried = new Set(answer.retry.map(({ index }) => index))
  const refused: RefusedItem<T>[] = []
  const again: T[] = []
  const lanes = new Set<string>()
  for (const [index, item] of part.entries()) {
    const reply = parked.get(index)
    if (reply !== undefined) {
      refused.push({ item, reply })
      continue
    }
    const lane = laneOf?.(item)
    if (!retried.has(index) && (lane === undefined || !lanes.has(lane))) continue
    if (lane !== undefined) lanes.add(lane)
    again.push(item)
  }
  return { refused, again }
}
