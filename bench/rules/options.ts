import { parseArgs } from 'node:util'

export interface RuleBenchOptions {
  devices: number
  rules: number
  /** Rules that each reading meets. */
  meets: number
  seconds: number
  warmUpSeconds: number
  rounds: number
  processes: number
  perSecond: number
}

export const usage = `Measures what alert rules add to a message: the same load with and without them, in alternating rounds.

  npm run bench:rules -- [options]

  --devices N     connected devices (1000)
  --rules N       rules (1000)
  --meets N       rules that each reading meets (3)
  --rate N        messages/s: QoS 1, two values as JSON (10000)
  --seconds N     measured time of a round (8)
  --warm-up N     seconds before it that are not counted (2)
  --rounds N      alternating rounds (3)
  --processes N   load processes (2)
  --quick         a few seconds, to see that all of it works
`

/** Reads the command line; undefined = help was asked for. */
export function toOptions(args: readonly string[]): RuleBenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      devices: { type: 'string' },
      rules: { type: 'string' },
      meets: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string' },
      processes: { type: 'string' },
    },
  })
  if (values.help) return undefined
  const number = (name: string, text: string | undefined, usual: number, short: number, least: number): number => {
    const value = text === undefined ? (values.quick ? short : usual) : Number(text)
    if (!Number.isFinite(value) || value < least) throw new TypeError(`--${name} must be a number from ${least} up.`)
    return value
  }
  return {
    devices: number('devices', values.devices, 1000, 50, 3),
    rules: number('rules', values.rules, 1000, 50, 1),
    meets: number('meets', values.meets, 3, 3, 1),
    perSecond: number('rate', values.rate, 10_000, 1000, 1),
    seconds: number('seconds', values.seconds, 8, 1.5, 0.1),
    warmUpSeconds: number('warm-up', values['warm-up'], 2, 0.3, 0),
    rounds: number('rounds', values.rounds, 3, 1, 1),
    processes: number('processes', values.processes, 2, 1, 1),
  }
}
