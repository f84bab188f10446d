import { parseArgs } from 'node:util'
import { datasetNames, type DatasetName } from './recording.ts'

export interface SimulateOptions {
  url: URL
  key: string
  devices: number
  /** Messages a second over all devices; undefined when `speed` is given. */
  rate?: number
  /** Times real time. */
  speed?: number
  durationMs: number
  protocol: 'mqtt' | 'http' | 'coap' | 'both'
  datasets: readonly DatasetName[]
  qos: 0 | 1
  time: 'given' | 'arrival' | 'recorded'
  keep: boolean
  withFaults: boolean
  seed: number
}

/** A wrong argument: told in one sentence, without a stack. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
}

export const usage = `Replays recorded data of real devices against a running Patchbay.

  npm run simulate -- [options]

  --url URL          address of the platform (http://127.0.0.1:8080)
  --key KEY          API key of an owner or operator; or PATCHBAY_API_KEY in the environment
  --devices N        simulated devices (20)
  --rate N           messages a second over all devices (50)
  --speed X          instead of --rate: recorded pace times X
  --duration TIME    such as 30s, 5m, 1h (30s)
  --protocol P       mqtt, http, coap, or both: MQTT and HTTP by turns (both)
  --dataset D        nab, lorawan, shelly or all (all)
  --qos Q            0 or 1, for MQTT (1)
  --time T           given: messages carry a ts, moved to now; arrival: the platform gives the time; recorded: each
                     recording once, from its beginning, with the times that it has (given)
  --with-faults      also send what a device with a wrong clock sends, and expect it to be refused
  --keep             leave devices, types and data in place afterwards
  --seed N           same seed, same choices (1)
`

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const maxDevices = 10_000

function toNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
    throw new OptionError(`--${name} must be a number from ${least} to ${most}, not "${text}".`)
  }
  return value
}

function toWhole(name: string, text: string, least: number, most: number): number {
  const value = toNumber(name, text, least, most)
  if (!Number.isInteger(value)) throw new OptionError(`--${name} must be a whole number, not "${text}".`)
  return value
}

function toDurationMs(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  const unit = units[match?.[2] ?? '']
  const value = Number(match?.[1]) * (unit ?? 0)
  if (!(value > 0)) throw new OptionError(`--duration must look like 30s, 5m or 1h, not "${text}".`)
  return value
}

function toChoice<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw new OptionError(`--${name} must be one of ${choices.join(', ')}, not "${text}".`)
  return found
}

function toUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new OptionError(`--url must be an http or https address, not "${text}".`)
  }
  return url
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        url: { type: 'string', default: 'http://127.0.0.1:8080' },
        key: { type: 'string' },
        devices: { type: 'string', default: '20' },
        rate: { type: 'string' },
        speed: { type: 'string' },
        duration: { type: 'string', default: '30s' },
        protocol: { type: 'string', default: 'both' },
        dataset: { type: 'string', default: 'all' },
        qos: { type: 'string', default: '1' },
        time: { type: 'string', default: 'given' },
        'with-faults': { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
      },
    }).values
  } catch (cause) {
    throw new OptionError(cause instanceof Error ? cause.message : 'The arguments cannot be read.', { cause })
  }
}

/** Reads the command line; undefined = help was asked for. */
export function toOptions(
  args: readonly string[],
  env: Record<string, string | undefined>,
): SimulateOptions | undefined {
  const given = parse(args)
  if (given.help) return undefined
  const key = given.key ?? env['PATCHBAY_API_KEY'] ?? ''
  if (key === '') {
    throw new OptionError('An API key is needed to make the devices: give --key, or set PATCHBAY_API_KEY.')
  }
  if (given.rate !== undefined && given.speed !== undefined) {
    throw new OptionError('--rate and --speed exclude each other: give one of them.')
  }
  if (given.protocol === 'coap' && given.url.startsWith('https:')) {
    throw new OptionError('CoAP is simulated without DTLS: give an http address.')
  }
  const pace =
    given.speed === undefined
      ? { rate: toNumber('rate', given.rate ?? '50', 0.01, 1_000_000) }
      : { speed: toNumber('speed', given.speed, 0.01, 1_000_000) }
  return {
    url: toUrl(given.url),
    key,
    devices: toWhole('devices', given.devices, 1, maxDevices),
    ...pace,
    durationMs: toDurationMs(given.duration),
    protocol: toChoice('protocol', given.protocol, ['mqtt', 'http', 'coap', 'both']),
    datasets: given.dataset === 'all' ? datasetNames : [toChoice('dataset', given.dataset, datasetNames)],
    qos: toChoice('qos', given.qos, ['0', '1']) === '0' ? 0 : 1,
    time: toChoice('time', given.time, ['given', 'arrival', 'recorded']),
    keep: given.keep,
    withFaults: given['with-faults'],
    seed: toWhole('seed', given.seed, 0, 4_294_967_295),
  }
}
