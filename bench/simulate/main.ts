import { createCoapDevice } from './coap-device.ts'
import { createFleet, type Fleet, forEachFew } from './fleet.ts'
import { type DeviceLink, LinkError } from './device-link.ts'
import { createHttpDevice } from './http-device.ts'
import { createMessages } from './message.ts'
import { createMqttDevice } from './mqtt-device.ts'
import { OptionError, type SimulateOptions, toOptions, usage } from './options.ts'
import { play, type PlayEnd, systemClock } from './player.ts'
import { createProgress } from './progress.ts'
import { createRandom } from './random.ts'
import { loadRecordings } from './recording.ts'
import { toReport } from './report.ts'
import { createRest, RestError } from './rest.ts'
import { byRate, bySpeed, once } from './schedule.ts'
import { count, createTally, latencyMs, type Tally } from './tally.ts'
import { verify } from './verify.ts'

/** Messages on their way at once, for each device and in all. */
const inFlightPerDevice = 50
const inFlightAtMost = 5000
const connectTimeoutMs = 15_000
/** Margin around the run when counting what is stored: arrival times are the platform's clock, not ours. */
const countMarginMs = 60_000

async function connectAll(fleet: Fleet, options: SimulateOptions): Promise<DeviceLink[]> {
  const links: DeviceLink[] = []
  await forEachFew(fleet.devices, async ({ login }, index) => {
    const mqtt = options.protocol === 'mqtt' || (options.protocol === 'both' && index % 2 === 0)
    if (options.protocol === 'coap') links[index] = await createCoapDevice({ url: options.url, login })
    else
      links[index] = mqtt
        ? await createMqttDevice({ url: options.url, login, qos: options.qos, connectTimeoutMs })
        : createHttpDevice({ url: options.url, login })
  })
  return links
}

async function replay(
  fleet: Fleet,
  links: readonly DeviceLink[],
  options: SimulateOptions,
  tally: Tally,
  signal: AbortSignal,
): Promise<PlayEnd> {
  const random = createRandom(options.seed)
  const walks = fleet.devices.map(({ recording }) => ({
    recording,
    first: options.time === 'recorded' ? 0 : Math.floor(random() * recording.readings.length),
  }))
  const startMs = systemClock.now()
  const schedule =
    options.speed === undefined
      ? byRate(walks, options.rate ?? 1, startMs)
      : bySpeed(walks, options.speed, startMs, random)
  const toMessage = createMessages({ devices: links.length, time: options.time, withFaults: options.withFaults })
  const progress = createProgress(process.stdout, systemClock.now)
  const show = () => {
    const done = (systemClock.now() - startMs) / options.durationMs
    const p99 = tally.stored > 0 ? `, p99 ${latencyMs(tally, 99).toFixed(1)} ms` : ''
    progress.update(done, `${tally.sent} sent, ${tally.stored} acknowledged, ${tally.refused} refused${p99}`)
  }
  const ticker = setInterval(show, 100)
  try {
    return await play(options.time === 'recorded' ? once(schedule, walks) : schedule, {
      clock: systemClock,
      signal,
      untilMs: startMs + options.durationMs,
      maxInFlight: Math.min(inFlightAtMost, inFlightPerDevice * links.length),
      async send(due) {
        const link = links[due.device]
        if (!link) return
        const { payload, points, faulty } = toMessage(due)
        const began = process.hrtime.bigint()
        const outcome = await link.send(payload)
        count(tally, outcome, {
          device: due.device,
          points,
          faulty,
          tookNanos: Number(process.hrtime.bigint() - began),
        })
      },
    })
  } finally {
    clearInterval(ticker)
    progress.end()
  }
}

function spanOf(devices: Fleet['devices']): { fromMs: number; toMs: number } {
  const span = { fromMs: Infinity, toMs: -Infinity }
  for (const { at } of devices.flatMap(({ recording }) => recording.readings)) {
    span.fromMs = Math.min(span.fromMs, at)
    span.toMs = Math.max(span.toMs, at)
  }
  return span
}

/** True when everything acknowledged is stored and nothing was refused but on purpose. */
async function run(options: SimulateOptions, signal: AbortSignal): Promise<boolean> {
  const rest = createRest(options.url, options.key)
  const recordings = await loadRecordings(options.datasets)
  const pace = options.speed === undefined ? `${options.rate} messages/s` : `${options.speed} × recorded pace`
  console.log(
    `${options.devices} devices, ${options.datasets.join(' + ')}, ${pace}, ${options.durationMs / 1000} s, ${options.protocol}, seed ${options.seed}`,
  )
  const fleet = await createFleet(rest, recordings, { count: options.devices, run: Date.now().toString(36) })
  const links: DeviceLink[] = []
  try {
    links.push(...(await connectAll(fleet, options)))
    const tally = createTally(fleet.devices.length)
    const beganMs = Date.now()
    const end = await replay(fleet, links, options, tally, signal)
    const endedMs = Date.now()
    const { fromMs, toMs } = options.time === 'recorded' ? spanOf(fleet.devices) : { fromMs: beganMs, toMs: endedMs }
    const verdict = await verify(rest, fleet.devices, tally, {
      fromMs: fromMs - countMarginMs,
      toMs: toMs + countMarginMs,
      random: createRandom(options.seed),
    })
    console.log(toReport(tally, end, endedMs - beganMs, verdict, options.withFaults))
    for (const line of verdict.wrong) console.error(`WRONG ${line}`)
    return verdict.wrong.length === 0 && tally.refused === 0 && tally.wronglyStored === 0
  } finally {
    await forEachFew(links, (link) => link.close())
    if (options.keep) console.log(`kept: devices ${fleet.devices[0]?.id ?? ''} and ${fleet.devices.length - 1} more`)
    else await fleet.remove()
  }
}

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
try {
  const options = toOptions(process.argv.slice(2), process.env)
  if (options === undefined) console.log(usage)
  else process.exitCode = (await run(options, stop.signal)) ? 0 : 1
} catch (error) {
  // An argument or an answer of the platform is explained by its sentence; a stack would only hide it.
  if (error instanceof OptionError || error instanceof RestError || error instanceof LinkError)
    console.error(`simulate: ${error.message}`)
  else console.error(error)
  process.exitCode = error instanceof OptionError ? 2 : 1
}
