import type { Config } from './config.ts'
import type { Login } from './wire.ts'

/** What the broker may send before this side has acknowledged it. */
const receiveMaximum = 256
/** The platform takes no larger packet. */
const maximumPacketSize = 256 * 1024
/** The broker keeps what is for this side while it is away: a week. */
const sessionExpiryInterval = 7 * 24 * 3600

/** How an instance logs in. */
export function toLogin(config: Config): Login {
  const { clientId, username, password, version, keepAliveSeconds } = config
  return {
    version: version === '3.1.1' ? 4 : 5,
    asBridge: false,
    clientId,
    clean: false,
    keepalive: keepAliveSeconds,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    properties: { sessionExpiryInterval, receiveMaximum, maximumPacketSize },
  }
}
