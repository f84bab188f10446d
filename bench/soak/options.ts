import { parseArgs } from 'node:util'
import type { Kind } from '../load/orders.ts'

export interface SoakOptions {
  connections: number
  perSecond: number
  seconds: number
  warmUpSeconds: number
  kind: Kind
  qos: 0 | 1
  processes: number
}

export const usage = `Loads the whole server for minutes and looks at what must stay as it is: the loop's delay and the memory.

  npm run bench:soak -- [options]

  --connections N  devices, each on a connection of its own (10000)
  --rate N         messages a second, all devices together (20000)
  --seconds N      how long (300)
  --warm-up N      seconds before it that are not looked at (10)
  --kind K         plain (one number) or json (two values) (plain)
  --qos N          0 or 1 (1: acknowledged and stored are compared)
  --processes N    processes the clients live in (2)
`

/** Reads the command line; undefined = help was asked for. */
export function toOptions(args: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      connections: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '300' },
      'warm-up': { type: 'string', default: '10' },
      kind: { type: 'string', default: 'plain' },
      qos: { type: 'string', default: '1' },
      processes: { type: 'string', default: '2' },
    },
  })
  if (values.help) return undefined
  const { kind, qos } = values
  if (kind !== 'plain' && kind !== 'json') throw new TypeError('--kind must be plain or json.')
  if (qos !== '0' && qos !== '1') throw new TypeError('--qos must be 0 or 1.')
  const whole = (name: 'connections' | 'rate' | 'seconds' | 'processes'): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} must be a whole number from 1 up.`)
    return value
  }
  const warmUpSeconds = Number(values['warm-up'])
  if (!(warmUpSeconds >= 0)) throw new TypeError('--warm-up must be a number from 0 up.')
  return {
    connections: whole('connections'),
    perSecond: whole('rate'),
    seconds: whole('seconds'),
    warmUpSeconds,
    kind,
    qos: qos === '0' ? 0 : 1,
    processes: whole('processes'),
  }
}
