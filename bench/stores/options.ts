import { parseArgs } from 'node:util'

export interface StoresOptions {
  /** How many nodes on MongoDB; each number is a row. */
  nodes: readonly number[]
  clients: number
  seconds: number
  warmUpSeconds: number
  rounds: number
  processes: number
  /** Messages a second that are offered to find out how many it takes. */
  fullRate: number
  /** Messages a second while latency and CPU are measured. */
  steadyRate: number
  queries: number
}

export const usage = `Measures the platform on its own files and on MongoDB, with one node and with several, in one table.

  npm run bench:stores -- [options]

  --nodes N,M        nodes on MongoDB, a row each; more than one needs REDIS_URL (1,2)
  --clients N        connected devices, spread over the nodes (100)
  --seconds N        measured time of a round (8)
  --warm-up N        seconds before it that are not counted (2)
  --rounds N         alternating rounds (3)
  --processes N      load processes for each node (1)
  --full-rate N      messages/s offered to find out how many are taken (20000)
  --steady-rate N    messages/s while latency and CPU are measured (1000)
  --queries N        queries of an hour in 300 buckets (60)
  --quick            a few seconds with few clients, to see that all of it works

MONGODB_URL names the server; every start of it uses a database of its own, which is dropped at the end.
`

export function toOptions(args: readonly string[]): StoresOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      nodes: { type: 'string' },
      clients: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string' },
      processes: { type: 'string' },
      'full-rate': { type: 'string' },
      'steady-rate': { type: 'string' },
      queries: { type: 'string' },
    },
  })
  if (values.help) return undefined
  const number = (name: keyof typeof values, usual: number, short: number, least: number): number => {
    const text = values[name]
    const value = typeof text === 'string' ? Number(text) : values.quick ? short : usual
    if (!Number.isFinite(value) || value < least) throw new TypeError(`--${name} must be a number from ${least} up.`)
    return value
  }
  const nodes = (values.nodes ?? (values.quick ? '1' : '1,2')).split(',').map(Number)
  if (nodes.some((each) => !Number.isInteger(each) || each < 1)) throw new TypeError('--nodes must be whole numbers.')
  return {
    nodes,
    clients: number('clients', 100, 10, 1),
    seconds: number('seconds', 8, 1, 0.1),
    warmUpSeconds: number('warm-up', 2, 0.3, 0),
    rounds: number('rounds', 3, 1, 1),
    processes: number('processes', 1, 1, 1),
    fullRate: number('full-rate', 20_000, 2_000, 1),
    steadyRate: number('steady-rate', 1_000, 200, 1),
    queries: number('queries', 60, 5, 1),
  }
}
