import { createCrew, type Crew } from '../load/crew.ts'
import { createLatencies, merge } from '../load/latencies.ts'
import type { Sent } from '../load/orders.ts'
import type { Login } from '../load/wire.ts'

/** Load processes of their own for each node; the clients are spread over the nodes, and so is what they send. */
export interface SpreadCrew extends Pick<Crew, 'send' | 'close' | 'end'> {
  connect(logins: readonly Login[]): Promise<void>
}

export function createSpreadCrew(ports: readonly number[], processes: number): SpreadCrew {
  const crews = ports.map((port) => ({ port, crew: createCrew(processes) }))
  const all = <T>(work: (crew: Crew) => Promise<T>): Promise<T[]> => Promise.all(crews.map(({ crew }) => work(crew)))
  return {
    async connect(logins) {
      await Promise.all(
        crews.map(({ port, crew }, at) =>
          crew.connect(
            { host: '127.0.0.1', port },
            logins.filter((_, i) => i % crews.length === at),
          ),
        ),
      )
    },
    async send(what) {
      const sum: Sent = { messages: 0, heldBack: 0, unanswered: 0, lost: 0, latencies: createLatencies() }
      for (const sent of await all((crew) => crew.send({ ...what, perSecond: what.perSecond / crews.length }))) {
        merge(sum.latencies, sent.latencies)
        for (const name of ['messages', 'heldBack', 'unanswered', 'lost'] as const) sum[name] += sent[name]
      }
      return sum
    },
    async close() {
      await all((crew) => crew.close())
    },
    end() {
      for (const { crew } of crews) crew.end()
    },
  }
}
