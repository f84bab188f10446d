import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import type { Config } from './config.ts'
import { toPem } from './pem.ts'
import { type Preset, type PresetRow, toPreset } from './preset.ts'
import { intersects, toTopicMap, type TopicMap } from './topic-map.ts'
import type { TlsOptions, WireTarget } from './wire.ts'

/** A configuration, understood. */
export interface Plan {
  readonly target: WireTarget
  readonly out: readonly TopicMap[]
  readonly in: readonly TopicMap[]
  readonly preset: Preset
}

const plainPort = 1883
const tlsPort = 8883

function toTls(config: Config, isSecure: boolean, presetAlpn: string | undefined): TlsOptions | undefined {
  const { tls } = config
  if (!isSecure) {
    if (config.preset === 'aws' || config.preset === 'azure')
      throw new BadConfig('/url', 'This cloud is reached by TLS only: mqtts://.')
    if (tls) throw new BadConfig('/url', 'With TLS the address begins with mqtts://.')
    return undefined
  }
  const { ca, cert, key, servername, alpn = presetAlpn } = tls ?? {}
  if ((cert === undefined) !== (key === undefined))
    throw new BadConfig(cert === undefined ? '/tls/cert' : '/tls/key', 'A certificate and its key go together.')
  return {
    ...(ca ? { ca: toPem(ca, '/tls/ca') } : {}),
    ...(cert ? { cert: toPem(cert, '/tls/cert') } : {}),
    ...(key === undefined ? {} : { key: toPem(key, '/tls/key') }),
    ...(servername === undefined ? {} : { servername }),
    ...(alpn === undefined ? {} : { alpn }),
  }
}

/** What would come straight back: there it would be taken up under a topic that goes out again. */
function assertNoEcho(
  out: readonly TopicMap[],
  inward: readonly TopicMap[],
  { version }: Config,
  preset: Preset,
): void {
  // With MQTT 5 the broker leaves out what this client has sent (No Local), as Mosquitto does for a bridge; marks end the longer loops.
  if ((version !== '3.1.1' && preset.version !== 4) || preset.asBridge) return
  for (const [index, back] of inward.entries())
    for (const away of out)
      if (intersects(away.target, back.filter) && intersects(back.target, away.filter))
        throw new BadConfig(
          `/in/${index}/from`,
          `What goes out to ${away.target} would come back by ${back.filter} to the topics that it is from. Use MQTT 5, which prevents it, or other topics.`,
        )
}

/** Throws BadConfig for what is wrong by itself. */
export function toPlan(config: Config): Plan {
  let url: URL
  try {
    url = new URL(config.url)
  } catch (cause) {
    throw new BadConfig('/url', `${config.url} is no address.`, { cause })
  }
  const isSecure = url.protocol === 'mqtts:'
  const host = url.hostname.replaceAll(/^\[|\]$/g, '')
  if (host === '') throw new BadConfig('/url', 'The address names no host.')
  if (url.username !== '' || url.password !== '')
    throw new BadConfig('/url', 'User and password have fields of their own.')
  assertOpenHost('/url', host, 'all')
  if (config.password !== undefined && config.username === undefined && config.version === '3.1.1')
    throw new BadConfig('/username', 'MQTT 3.1.1 has no password without a user.')
  const preset = toPreset(config)
  const named = <T extends { from: string; to: string }>(row: T): T => ({
    ...row,
    from: row.from.replaceAll('{clientId}', () => config.clientId),
    to: row.to.replaceAll('{clientId}', () => config.clientId),
  })
  if (config.readings && config.out.length > 0)
    throw new BadConfig('/out', 'With readings in place of messages, Out has no rows.')
  if (config.readings && config.shadows)
    throw new BadConfig('/shadows', 'Shadows go as messages: make an instance of its own for the readings.')
  const isBare = config.out.length + config.in.length === 0
  const more = (rows: readonly PresetRow[]): TopicMap[] => rows.map((row) => toTopicMap(row, '/preset'))
  const out = [
    ...config.out.map((row, index) => toTopicMap(named(row), `/out/${index}`)),
    ...more(isBare && !config.readings ? preset.out : []),
    ...more(config.shadows && !config.readings ? preset.shadow.out : []),
  ]
  const inward = [
    ...config.in.map((row, index) => toTopicMap(named(row), `/in/${index}`)),
    ...more(isBare ? preset.in : []),
    ...more(config.shadows ? preset.shadow.in : []),
  ]
  if (out.length + inward.length === 0 && !config.readings)
    throw new BadConfig('/out', 'Nothing goes out and nothing comes in.')
  assertNoEcho(out, inward, config, preset)
  return {
    preset,
    target: {
      host,
      port: Number(url.port) || (isSecure ? tlsPort : plainPort),
      tls: toTls(config, isSecure, preset.alpn),
    },
    out,
    in: inward,
  }
}
