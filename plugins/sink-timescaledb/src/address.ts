import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import type { Config } from './config.ts'

const defaultPort = 5432

export interface Address {
  host: string
  port: number
  database: string
}

/** Reads `postgres://host:port/database`; throws BadConfig. */
export function toAddress({ url }: Pick<Config, 'url'>): Address {
  const read = URL.parse(url)
  if (!read || read.hostname === '') throw new BadConfig('/url', 'The address names no host.')
  if (read.username !== '' || read.password !== '')
    throw new BadConfig('/url', 'The address holds a user or a password. Put them into their own fields.')
  if (read.search !== '') throw new BadConfig('/url', 'The address holds options. Use the fields below it.')
  const database = decodeURIComponent(read.pathname.slice(1))
  if (database === '') throw new BadConfig('/url', 'The address names no database.')
  assertOpenHost('/url', read.hostname, 'all')
  return { host: read.hostname.replace(/^\[|\]$/g, ''), port: Number(read.port || defaultPort), database }
}
