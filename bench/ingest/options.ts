import { parseArgs } from 'node:util'

export const caseNames = ['plain-0', 'plain-1', 'json-0', 'json-1'] as const
/** What is sent, and at which QoS. */
export type CaseName = (typeof caseNames)[number]
const usualCases: readonly CaseName[] = ['plain-0', 'json-1']

export interface IngestOptions {
  /** Connected devices; each number is a comparison of its own. */
  clients: readonly number[]
  seconds: number
  warmUpSeconds: number
  rounds: number
  processes: number
  /** Messages a second in each case. */
  plainRate: number
  jsonRate: number
  /** Messages a second while the way to a query is timed, and for how long. */
  probeRate: number
  probeSeconds: number
  only: readonly string[] | undefined
  cases: readonly CaseName[]
  /** Instead of comparing: where the time of the product goes. */
  stages: boolean
  profileFolder: string | undefined
}

export const usage = `Measures what a message costs the whole server, beside what others would run instead.

  npm run bench:ingest -- [options]

  --clients N,M    connected devices: 100, 1000, 10000 (1000)
  --seconds N      measured time of a round (8)
  --warm-up N      seconds before it that are not counted (2)
  --rounds N       alternating rounds (3)
  --processes N    load processes (2)
  --plain-rate N   one number by sensors/{id}/temperature, messages/s (20000)
  --json-rate N    two values as JSON, messages/s (10000)
  --probe-rate N   messages/s while publish to queryable is timed (1000)
  --probe N        seconds of that; 0 leaves it out (4)
  --only A,B       of: patchbay, mosquitto, pipeline, telegraf
  --cases A,B      of: plain-0, plain-1, json-0, json-1, the number is the QoS (plain-0,json-1)
  --all            every case with 100, 1,000 and 10,000 clients: most of an hour
  --stages         profile the server instead, and print where its time goes
  --profiles DIR   keep the profiles of --stages there
  --quick          a few seconds with few clients, to see that all of it works

Comparisons: mosquitto needs the program on the PATH or MOSQUITTO_URL; pipeline also python3 with paho-mqtt (PYTHON names another
python3) and INFLUXDB_URL (InfluxDB 1.x); telegraf also TELEGRAF, the program's path.
`

const quick = {
  clients: 50,
  seconds: 1.5,
  warmUpSeconds: 0.3,
  rounds: 1,
  processes: 1,
  plainRate: 2000,
  jsonRate: 1000,
  probeRate: 300,
  probeSeconds: 1,
} as const

const allClients = ['100', '1000', '10000']
const isCaseName = (name: string): name is CaseName => caseNames.some((each) => each === name)

/** Reads the command line; undefined = help was asked for. */
export function toOptions(args: readonly string[]): IngestOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      stages: { type: 'boolean', default: false },
      clients: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string' },
      processes: { type: 'string' },
      'plain-rate': { type: 'string' },
      'json-rate': { type: 'string' },
      'probe-rate': { type: 'string' },
      probe: { type: 'string' },
      only: { type: 'string' },
      cases: { type: 'string' },
      profiles: { type: 'string' },
    },
  })
  if (values.help) return undefined
  const number = (name: string, text: string | undefined, usual: number, short: number, least: number): number => {
    const value = text === undefined ? (values.quick ? short : usual) : Number(text)
    if (!Number.isFinite(value) || value < least) throw new TypeError(`--${name} must be a number from ${least} up.`)
    return value
  }
  const cases = values.cases?.split(',') ?? (values.all ? caseNames : usualCases)
  const unknown = cases.find((name) => !isCaseName(name))
  if (unknown !== undefined) throw new TypeError(`--cases knows ${caseNames.join(', ')}, not ${unknown}.`)
  const clients = values.clients?.split(',') ?? (values.all ? allClients : [undefined])
  const processes = number('processes', values.processes, 2, quick.processes, 1)
  return {
    clients: clients.map((text) => Math.max(processes, number('clients', text, 1000, quick.clients, 1))),
    seconds: number('seconds', values.seconds, 8, quick.seconds, 0.1),
    warmUpSeconds: number('warm-up', values['warm-up'], 2, quick.warmUpSeconds, 0),
    rounds: number('rounds', values.rounds, 3, quick.rounds, 1),
    processes,
    plainRate: number('plain-rate', values['plain-rate'], 20_000, quick.plainRate, 1),
    jsonRate: number('json-rate', values['json-rate'], 10_000, quick.jsonRate, 1),
    probeRate: number('probe-rate', values['probe-rate'], 1000, quick.probeRate, 1),
    probeSeconds: number('probe', values.probe, 4, quick.probeSeconds, 0),
    only: values.only?.split(',') ?? (values.quick ? ['patchbay'] : undefined),
    cases: cases.filter(isCaseName),
    stages: values.stages,
    profileFolder: values.profiles,
  }
}
