import { WriteAnswer } from '@patchbay/contracts/delivery'
import { Compile } from 'typebox/compile'
import type { Clock } from '../clock.ts'
import { deliveryLimits } from './limits.ts'
import type { Write } from './port.ts'

const check = Compile(WriteAnswer)

/** One try that always ends in an answer, and in time: a target that hangs is given up. */
export type TargetTry<T> = (items: readonly T[], attempt: number) => Promise<WriteAnswer>

export function createTargetTry<T>({
  write,
  clock,
  stop,
}: {
  write: Write<T>
  clock: Pick<Clock, 'after'>
  stop: AbortSignal
}): TargetTry<T> {
  return async (items, attempt) => {
    const late = new AbortController()
    const { promise, resolve } = Promise.withResolvers<WriteAnswer>()
    const end = (reply: string) => (): void => {
      late.abort()
      resolve({ outcome: 'retry', reply })
    }
    const onStop = end('The instance stops.')
    if (stop.aborted) onStop()
    stop.addEventListener('abort', onStop, { once: true })
    const cancel = clock.after(deliveryLimits.writeMs, end(`No answer within ${deliveryLimits.writeMs / 1000} s.`))
    try {
      const answer: unknown = await Promise.race([write(items, { attempt, signal: late.signal }), promise])
      if (!check.Check(answer)) return { outcome: 'retry', reply: 'The answer of the plugin cannot be read.' }
      return isInside(answer, items.length)
        ? answer
        : { outcome: 'retry', reply: 'The answer of the plugin names items that the batch does not have.' }
    } catch (error) {
      return { outcome: 'retry', reply: error instanceof Error ? error.message : String(error) }
    } finally {
      cancel()
      stop.removeEventListener('abort', onStop)
    }
  }
}

const isInside = (answer: WriteAnswer, length: number): boolean =>
  answer.outcome !== 'partial' || [...answer.refused, ...answer.retry].every(({ index }) => index < length)
