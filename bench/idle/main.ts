import { parseArgs } from 'node:util'
import { checkOpenFiles } from '../host/open-files.ts'
import { startPatchbay } from '../host/patchbay.ts'
import { cpuMicros, rssKib } from '../host/usage.ts'
import { clientIds } from '../ingest/targets/target.ts'
import { createCrew } from '../load/crew.ts'
import { median, toTable, toText } from '../table.ts'

const usage = `Measures what an MQTT connection costs that only exists.

  npm run bench:idle -- [options]

  --connections N  one device each (10000)
  --seconds N      how long they are held and memory and loop delay are looked at (10)
  --rounds N       of connecting all, holding them and letting them go (1)
  --processes N    processes the clients live in (2)
`

const lookEveryMs = 500
/** Devices of one import. */
const importAtOnce = 5000
const settleMs = 2000
/** The server gives pages of its start back some 8 s after it. */
const startSettleMs = 12_000

interface Options {
  connections: number
  seconds: number
  rounds: number
  processes: number
}

interface Held {
  kibPerConnection: number
  connectSeconds: number
  connectCpuMicros: number
  idleCpuPercent: number
  loopP50Ms: number
  loopP99Ms: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Memory at its calmest: a collection in between must not be missed, nor a peak be counted. */
async function calmestKib(pid: number, ms: number): Promise<number> {
  let least = rssKib(pid)
  for (const until = performance.now() + ms; performance.now() < until;) {
    await pause(lookEveryMs)
    least = Math.min(least, rssKib(pid))
  }
  return least
}

async function measure({ connections, seconds, rounds, processes }: Options): Promise<Held[]> {
  const patchbay = await startPatchbay()
  const { pid } = patchbay.program
  try {
    const ids = clientIds(connections)
    const logins = []
    for (let i = 0; i < ids.length; i += importAtOnce) {
      logins.push(...(await patchbay.addDevices(ids.slice(i, i + importAtOnce))))
    }
    const before = await calmestKib(pid, Math.min(startSettleMs, settleMs + connections))
    const held: Held[] = []
    for (let round = 0; round < rounds; round++) {
      const crew = createCrew(processes)
      try {
        const began = performance.now()
        const cpuBefore = cpuMicros(pid)
        await crew.connect({ host: '127.0.0.1', port: patchbay.port }, logins)
        const connectSeconds = (performance.now() - began) / 1000
        const connectCpuMicros = (cpuMicros(pid) - cpuBefore) / connections
        await pause(settleMs)
        await patchbay.metrics() // each look begins the loop's figures anew
        const cpuHeld = cpuMicros(pid)
        const kib = await calmestKib(pid, seconds * 1000)
        const idleCpuPercent = (cpuMicros(pid) - cpuHeld) / (seconds * 10_000)
        const metric = await patchbay.metrics()
        const sessions = metric('patchbay_sessions ')
        if (sessions !== connections) throw new Error(`${sessions} of ${connections} connections are still there`)
        held.push({
          kibPerConnection: (kib - before) / connections,
          connectSeconds,
          connectCpuMicros,
          idleCpuPercent,
          loopP50Ms: metric('nodejs_eventloop_lag_p50_seconds') * 1000,
          loopP99Ms: metric('nodejs_eventloop_lag_p99_seconds') * 1000,
        })
        await crew.close()
      } finally {
        crew.end()
      }
    }
    return held
  } finally {
    await patchbay.stop()
  }
}

function toOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      connections: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '1' },
      processes: { type: 'string', default: '2' },
    },
  })
  if (values.help) return undefined
  const whole = (name: 'connections' | 'seconds' | 'rounds' | 'processes'): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} must be a whole number from 1 up.`)
    return value
  }
  return {
    connections: whole('connections'),
    seconds: whole('seconds'),
    rounds: whole('rounds'),
    processes: whole('processes'),
  }
}

try {
  const options = toOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else {
    checkOpenFiles(options.connections)
    const held = await measure(options)
    const middle = (pick: (each: Held) => number, digits: number): string => toText(median(held.map(pick)), digits)
    const head = ['connections', 'KiB each', 'connecting s', 'CPU µs each', 'idle CPU %', 'loop delay p50 ms', 'p99']
    const row = [
      String(options.connections),
      middle((each) => each.kibPerConnection, 1),
      middle((each) => each.connectSeconds, 1),
      middle((each) => each.connectCpuMicros, 0),
      middle((each) => each.idleCpuPercent, 1),
      middle((each) => each.loopP50Ms, 1),
      middle((each) => each.loopP99Ms, 1),
    ]
    console.log(toTable(head, [row]))
  }
} catch (error) {
  console.error(`bench:idle: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
