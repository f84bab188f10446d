import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import { createTargetGuard } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'

const plainPort = 5672
const tlsPort = 5671

/** Where a broker is and as whom to go there. */
export interface Broker {
  host: string
  port: number
  tls: boolean
  vhost: string
}

/** Reads `amqps://host:port/vhost`; throws BadConfig. */
export function toBroker({ url }: Pick<Config, 'url'>): Broker {
  const read = URL.parse(url)
  if (!read || read.hostname === '') throw new BadConfig('/url', 'The address names no host.')
  if (read.username !== '' || read.password !== '')
    throw new BadConfig('/url', 'The address holds a user or a password. Put them into their own fields.')
  if (read.search !== '') throw new BadConfig('/url', 'The address holds options. Use the fields below it.')
  assertOpenHost('/url', read.hostname, 'all')
  const tls = read.protocol === 'amqps:'
  return {
    host: read.hostname.replace(/^\[|\]$/g, ''),
    port: Number(read.port || (tls ? tlsPort : plainPort)),
    tls,
    vhost: decodeURIComponent(read.pathname.slice(1)) || '/',
  }
}

/** What TLS is told besides: certificates are always checked. */
export const toTls = ({ host }: Broker, ca: string | undefined) => ({
  // An address has no server name; its certificate is checked against it all the same.
  ...(isIP(host) === 0 ? { servername: host } : {}),
  ...(ca ? { ca } : {}),
})

/** A connection to an address that was checked. */
export function openSocket(broker: Broker, ca: string | undefined, connected: () => void): Socket {
  const { host, port } = broker
  const { lookup } = createTargetGuard('all')
  return broker.tls
    ? connectTls({ host, port, lookup, ...toTls(broker, ca) }, connected)
    : connectPlain({ host, port, lookup }, connected)
}
