import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import { readCollection } from './collection-name.ts'
import type { Config } from './config.ts'

/** Where readings go when the address names no database. */
const defaultDatabase = 'iot'

const parts = /^mongodb(?:\+srv)?:\/\/(?:(.*)@)?([^/?]*)(?:\/([^?]*))?/

/** The database that the address names. */
export const databaseOf = (url: string): string => decodeURIComponent(parts.exec(url)?.[3] ?? '') || defaultDatabase

/** The host of `host:port`, `[::1]:port`, `host`. */
const hostOf = (text: string): string => text.replace(/:\d+$/, '')

/** Throws BadConfig for what is wrong by itself. */
export function checkConfig({ url, collection }: Pick<Config, 'url' | 'collection'>): void {
  readCollection(collection)
  const [, user, hosts = ''] = parts.exec(url) ?? []
  if (user !== undefined)
    throw new BadConfig('/url', 'The address holds a user or a password. Put them into their own fields.')
  if (hosts === '') throw new BadConfig('/url', 'The address names no host.')
  for (const host of hosts.split(',')) assertOpenHost('/url', hostOf(host), 'all')
}
