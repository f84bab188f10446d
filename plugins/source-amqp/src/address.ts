import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import { createTargetGuard } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'

export interface Address {
  host: string
  port: number
  isTls: boolean
  vhost: string
}

const ports = { 'amqp:': 5672, 'amqps:': 5671 }

/** What the address says, taken apart. Throws BadConfig. */
export function toAddress({ url }: Pick<Config, 'url'>): Address {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (error) {
    throw new BadConfig('/url', `"${url}" is no address.`, { cause: error })
  }
  const { protocol, hostname, port, pathname } = parsed
  if (protocol !== 'amqp:' && protocol !== 'amqps:')
    throw new BadConfig('/url', 'It must begin with amqp:// or amqps://.')
  if (parsed.username !== '' || parsed.password !== '')
    throw new BadConfig('/url', 'User and password have fields of their own, where they are kept sealed.')
  return {
    host: hostname.replaceAll(/^\[|\]$/g, ''),
    port: port === '' ? ports[protocol] : Number(port),
    isTls: protocol === 'amqps:',
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
  }
}

/** Throws BadConfig for what is wrong by itself. */
export function checkConfig(config: Config): void {
  assertOpenHost('/url', toAddress(config).host, 'all')
}

/** Rejects when the name leads to an address that is closed. */
export async function assertBroker(config: Config): Promise<void> {
  const guard = createTargetGuard('all')
  await new Promise<void>((resolve, reject) => {
    guard.lookup(toAddress(config).host, { all: false }, (error) =>
      error?.name === 'TargetForbidden' ? reject(error) : resolve(),
    )
  })
}
