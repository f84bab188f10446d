import type { AlertSignal } from '@patchbay/core/alerts/port'
import type { AlertHost } from '../harness/alert-host.ts'

const perSecond = 200
const batchMs = 50
const batchSize = (perSecond * batchMs) / 1000

/** Raises 200 alerts a second, each of a rule of its own, and hands batches over again until they are taken, as rules do. */
export const createAlertLoad = () => {
  const waiting = new Map<number, readonly AlertSignal[]>()
  const rules: string[] = []
  let host: AlertHost | undefined
  let count = 0
  let timer: NodeJS.Timeout | undefined

  const send = (): void => {
    const n = ++count
    const signals = Array.from({ length: batchSize }, (_, i): AlertSignal => {
      const rule = `r${n}-${i}`
      rules.push(rule)
      const at = Date.now() * 1000
      return {
        id: `${rule}/1`,
        kind: 'raise',
        rule,
        device: `d${i}`,
        at,
        severity: 'major',
        value: { n },
        cause: 'n > 0',
      }
    })
    waiting.set(n, signals)
    host?.apply(n, signals)
  }
  return {
    rules,
    get waiting() {
      return waiting.size
    },
    onApplied: (n: number) => void waiting.delete(n),
    /** From now on to this host, first what no other has taken. */
    follow(next: AlertHost): void {
      host = next
      for (const [n, signals] of waiting) next.apply(n, signals)
      timer ??= setInterval(send, batchMs)
    },
    stop(): void {
      clearInterval(timer)
      timer = undefined
    },
  }
}
