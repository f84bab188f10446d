import type { Config } from './config.ts'
import type { Preset } from './preset.ts'
import type { Login } from './wire.ts'

/** What the broker may send before this side has acknowledged it. */
const receiveMaximum = 256
/** The platform takes no larger packet. */
const maximumPacketSize = 256 * 1024

/** How an instance logs in now; a token in it has an end, before which it is asked for again. */
export function toLogin(config: Config, preset: Preset): Login & { renewAfterMs?: number } {
  const { clientId, version, keepAliveSeconds } = config
  const own = {
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
  }
  const { password, ...who } = preset.login?.() ?? own
  return {
    version: preset.version ?? (version === '3.1.1' ? 4 : 5),
    asBridge: preset.asBridge,
    clientId,
    clean: false,
    keepalive: keepAliveSeconds,
    ...who,
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    properties: { sessionExpiryInterval: preset.sessionSeconds, receiveMaximum, maximumPacketSize },
  }
}
