import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createLatencies, merge } from './latencies.ts'
import type { Answer, Order, Sent } from './orders.ts'
import type { Login } from './wire.ts'

/** On top of what an order takes by itself. */
const answerTimeoutMs = 60_000

/** Load processes that share the clients of a run. */
export interface Crew {
  connect(where: { host: string; port: number }, logins: readonly Login[]): Promise<void>
  send(what: Omit<Extract<Order, { do: 'send' }>, 'do'>): Promise<Sent>
  close(): Promise<void>
  end(): void
}

const entry = fileURLToPath(new URL('./load-process.ts', import.meta.url))

export function createCrew(processes: number): Crew {
  const children = Array.from({ length: processes }, () => fork(entry, { serialization: 'advanced' }))
  const share = <T>(items: readonly T[], at: number): T[] => items.filter((_, i) => i % processes === at)
  const toAll = (toOrder: (at: number) => Order): Promise<Answer[]> =>
    Promise.all(children.map((child, at) => ask(child, toOrder(at))))

  return {
    async connect({ host, port }, logins) {
      await toAll((at) => ({ do: 'connect', host, port, logins: share(logins, at) }))
    },
    async send(what) {
      const answers = await toAll(() => ({ do: 'send', ...what, perSecond: what.perSecond / processes }))
      const all: Sent = { messages: 0, heldBack: 0, unanswered: 0, lost: 0, latencies: createLatencies() }
      for (const answer of answers) {
        if (answer.did !== 'send') continue
        merge(all.latencies, answer.sent.latencies)
        for (const name of ['messages', 'heldBack', 'unanswered', 'lost'] as const) all[name] += answer.sent[name]
      }
      return all
    },
    async close() {
      await toAll(() => ({ do: 'close' }))
    },
    end() {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

function ask(child: ChildProcess, order: Order): Promise<Answer> {
  const ms = answerTimeoutMs + (order.do === 'send' ? order.ms : 0)
  return new Promise((resolve, reject) => {
    const finish = (answer: Answer | Error): void => {
      clearTimeout(late)
      child.off('message', hear)
      child.off('exit', gone)
      if (answer instanceof Error) reject(answer)
      else if (answer.did === 'fail') reject(new Error(answer.why))
      else resolve(answer)
    }
    const hear = (message: unknown): void => {
      if (isAnswer(message)) finish(message)
    }
    const gone = (code: number | null): void => finish(new Error(`a load process ended with ${code}`))
    const late = setTimeout(() => finish(new Error(`a load process gave no answer to ${order.do} within ${ms} ms`)), ms)
    child.on('message', hear)
    child.once('exit', gone)
    child.send(order)
  })
}

const isAnswer = (message: unknown): message is Answer =>
  typeof message === 'object' && message !== null && 'did' in message
