import { NotReady } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'
import { subscribe } from './link.ts'
import { toLogin } from './login.ts'
import type { Plan } from './plan.ts'
import type { Preset } from './preset.ts'
import { toSubscriptions } from './subscriptions.ts'
import { isVersionRefused, type Login, openWire, type Wire } from './wire.ts'

/** Under an id of its own, so that the connection of an instance that runs is not thrown out. */
const toTestLogin = (config: Config, preset: Preset): Login => {
  const { clientId, properties: _, renewAfterMs: __, ...login } = toLogin(config, preset)
  // A cloud lets in who it knows, and nobody else.
  const isFree = config.preset !== 'aws' && config.preset !== 'azure'
  return { ...login, clientId: isFree ? `${clientId}-test` : clientId, clean: isFree }
}

async function connect(config: Config, plan: Plan, signal: AbortSignal): Promise<Wire> {
  const login = toTestLogin(config, plan.preset)
  try {
    return await openWire(plan.target, login, signal)
  } catch (error) {
    if (config.version !== 'auto' || !isVersionRefused(error)) throw error
    return openWire(plan.target, { ...login, version: 4 }, signal)
  }
}

/** Logs in and subscribes with values that are not saved; answers what the broker said. */
export async function tryConnection(config: Config, plan: Plan, signal: AbortSignal): Promise<string> {
  const secrets = [config.password, config.tls?.key, config.sharedAccessKey]
  try {
    const wire = await connect(config, plan, signal)
    try {
      const { filtersAtOnce } = plan.preset
      const { refused, granted } = await subscribe(wire, toSubscriptions(plan), filtersAtOnce, () => undefined)
      if (refused.length > 0) throw new NotReady(`The broker refused the subscription to ${refused.join(', ')}.`)
      const { maximumQoS: most = 2 } = wire.connack.properties ?? {}
      const more = granted.length === 0 ? '' : `, subscriptions granted with QoS ${granted.join(', ')}`
      return `Logged in by MQTT ${wire.version === 5 ? '5' : '3.1.1'}, QoS up to ${most}${more}.`
    } finally {
      wire.end(new NotReady('The test is over.'))
    }
  } catch (error) {
    throw new NotReady(toReply(error instanceof Error ? error.message : String(error), secrets), { cause: error })
  }
}
