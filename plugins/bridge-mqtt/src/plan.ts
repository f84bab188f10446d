import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import type { Config } from './config.ts'
import { toPem } from './pem.ts'
import { intersects, toTopicMap, type TopicMap } from './topic-map.ts'
import type { TlsOptions, WireTarget } from './wire.ts'

/** A configuration, understood. */
export interface Plan {
  readonly target: WireTarget
  readonly out: readonly TopicMap[]
  readonly in: readonly TopicMap[]
}

const plainPort = 1883
const tlsPort = 8883

function toTls(config: Config, isSecure: boolean): TlsOptions | undefined {
  const { tls } = config
  if (!isSecure) {
    if (tls) throw new BadConfig('/url', 'With TLS the address begins with mqtts://.')
    return undefined
  }
  if (!tls) return {}
  const { ca, cert, key, servername, alpn } = tls
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
function assertNoEcho(out: readonly TopicMap[], inward: readonly TopicMap[], version: Config['version']): void {
  // With MQTT 5 the broker leaves out what this client has sent (No Local), and marks end the longer loops.
  if (version !== '3.1.1') return
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
  const out = config.out.map((row, index) => toTopicMap(row, `/out/${index}`))
  const inward = config.in.map((row, index) => toTopicMap(row, `/in/${index}`))
  if (out.length + inward.length === 0) throw new BadConfig('/out', 'Nothing goes out and nothing comes in.')
  assertNoEcho(out, inward, config.version)
  return {
    target: { host, port: Number(url.port) || (isSecure ? tlsPort : plainPort), tls: toTls(config, isSecure) },
    out,
    in: inward,
  }
}
