import { runPass } from './batch-pass.ts'
import type { DeadLetters, LetterChoice } from './dead-letters.ts'
import type { Deliverable } from './port.ts'
import type { TargetTry } from './target-try.ts'

export interface Redriven {
  delivered: number
  refused: number
  /** Neither: the target was away. */
  left: number
  reply?: string
}

/** Sends dead letters again. Those that are taken go, those that are refused again stay with the words of this try. */
export async function redriveLetters<T extends Deliverable>({
  letters,
  batch,
  tryOnce,
  choice,
  nowIso,
}: {
  letters: DeadLetters<T>
  batch: number
  tryOnce: TargetTry<T>
  choice: LetterChoice
  nowIso: () => string
}): Promise<Redriven> {
  const taken = await letters.take(choice)
  const total: Redriven = { delivered: 0, refused: 0, left: 0 }
  for (let from = 0; from < taken.length; from += batch) {
    const letterOf = new Map(taken.slice(from, from + batch).map(({ item, letter }) => [item, letter]))
    const pass = await runPass([...letterOf.keys()], (items) => tryOnce(items, 1), { laneOf: undefined })
    const stays = new Set([...pass.left, ...pass.refused.map(({ item }) => item)])
    await letters.drop([...letterOf].flatMap(([item, letter]) => (stays.has(item) ? [] : [letter])))
    if (pass.refused.length > 0) await letters.park(pass.refused, nowIso())
    total.delivered += pass.delivered
    total.refused += pass.refused.length
    const reply = pass.reply ?? pass.refused.at(-1)?.reply
    if (reply !== undefined) total.reply = reply
    if (pass.left.length > 0) break
  }
  return { ...total, left: taken.length - total.delivered - total.refused }
}
