import { randomUUID } from 'node:crypto'
import type { Channel, ChannelTest, ChannelTestAnswer, NewChannel } from '@patchbay/contracts/channel'
import type { Instance, PluginManifest } from '@patchbay/contracts/plugin'
import type { PluginHost } from '@patchbay/plugin-host/host'
import type { AlertChannel } from '@patchbay/sdk'
import { toTestNotification } from '@patchbay/sdk/alert-channel'
import { RestError } from '../rest/errors.ts'
import { defaultInstances } from './bundled-plugins.ts'

/** What a test that the running channel itself has to make may take. */
const testMs = 10_000

export interface Channels {
  /** In order of their names. */
  list(): Channel[]
  get(name: string): Channel
  put(channel: NewChannel, expectedVersion?: number): Promise<Channel>
  remove(name: string, expectedVersion?: number): Promise<void>
  test(test: ChannelTest): Promise<ChannelTestAnswer>
}

export interface ChannelsParts {
  plugins: PluginHost
  /** The channels that run, by `plugin/instance`. */
  live: ReadonlyMap<string, AlertChannel>
}

export const isAlertPlugin = (manifest: Pick<PluginManifest, 'contributes'> | undefined): boolean =>
  (manifest?.contributes.alertChannels?.length ?? 0) > 0

const toChannel = ({ name, plugin, enabled, config, state, status, version }: Instance): Channel => ({
  name,
  plugin,
  enabled,
  config,
  state,
  status,
  version,
})

/** The instance of another alert plugin that has this name. */
export const takenBy = (plugins: PluginHost, plugin: string, name: string): string | undefined =>
  plugins
    .plugins()
    .find(
      ({ id, manifest, instances }) =>
        id !== plugin && isAlertPlugin(manifest) && instances.some((one) => one.name === name),
    )?.id

/**
 * The host with the two rules of channels, whichever way an instance is changed: a name belongs to one channel, and what is there from the
 * start can be disabled but not removed.
 */
export function guardChannels(plugins: PluginHost): PluginHost {
  const coming = new Map<string, string>()
  const builtIn = (id: string, name: string): boolean =>
    defaultInstances.some((each) => each.plugin === id && each.name === name)
  return {
    ...plugins,
    async put(id, name, input, expectedVersion) {
      if (!isAlertPlugin(plugins.plugin(id).manifest)) return plugins.put(id, name, input, expectedVersion)
      // Two puts of one name at once: the second must not slip in while the first is under way.
      const other = takenBy(plugins, id, name) ?? coming.get(name)
      if (other !== undefined && other !== id)
        throw new RestError(
          'CHANNEL_NAME_TAKEN',
          `${name} is a channel of ${other} already. Choose another name, or delete that one first.`,
        )
      const first = !coming.has(name)
      if (first) coming.set(name, id)
      try {
        return await plugins.put(id, name, input, expectedVersion)
      } finally {
        if (first) coming.delete(name)
      }
    },
    async remove(id, name, expectedVersion) {
      if (isAlertPlugin(plugins.plugin(id).manifest) && builtIn(id, name))
        throw new RestError('CHANNEL_BUILT_IN', `${name} is there from the start. It can be disabled, not removed.`)
      return plugins.remove(id, name, expectedVersion)
    },
  }
}

export function createChannels({ plugins, live }: ChannelsParts): Channels {
  const alertPlugins = () => plugins.plugins().filter(({ manifest }) => isAlertPlugin(manifest))
  const list = (): Channel[] =>
    alertPlugins()
      .flatMap(({ id }) => plugins.instances(id).map(toChannel))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  const get = (name: string): Channel => {
    const owner = alertPlugins().find(({ instances }) => instances.some((one) => one.name === name))
    if (!owner) throw new RestError('CHANNEL_UNKNOWN', `There is no channel ${name}.`)
    return toChannel(plugins.instance(owner.id, name))
  }
  const assertAlertPlugin = (id: string): void => {
    if (!alertPlugins().some((one) => one.id === id))
      throw new RestError('REQUEST_INVALID', `${id} is no plugin for alert channels.`, {
        fields: [
          {
            path: '/plugin',
            code: 'unknown',
            message: `must be one of ${alertPlugins()
              .map((one) => one.id)
              .join(', ')}`,
          },
        ],
      })
  }

  /** A channel that ends inside the platform cannot be tried without running. */
  const testLive = async (channel: AlertChannel): Promise<ChannelTestAnswer> => {
    const notification = toTestNotification(randomUUID(), new Date().toISOString())
    const { outcome, reply } = await channel.deliver(notification, { attempt: 1, signal: AbortSignal.timeout(testMs) })
    return outcome === 'delivered'
      ? { ok: true, reply }
      : { ok: false, code: outcome === 'retry' ? 'PLUGIN_NOT_READY' : 'PLUGIN_VERIFY_FAILED', text: reply }
  }

  return {
    list,
    get,
    async put({ name, plugin, enabled, config }, expectedVersion) {
      assertAlertPlugin(plugin)
      const input = { config, ...(enabled === undefined ? {} : { enabled }) }
      return toChannel(await plugins.put(plugin, name, input, expectedVersion))
    },
    async remove(name, expectedVersion) {
      await plugins.remove(get(name).plugin, name, expectedVersion)
    },
    async test({ name, plugin, config }) {
      assertAlertPlugin(plugin)
      const { untested, errors, ...result } = await plugins.test(plugin, name, config)
      const running = name === undefined ? undefined : live.get(`${plugin}/${name}`)
      if (untested && running) return testLive(running)
      return { ...result, ...(errors === undefined ? {} : { errors: [...errors] }) }
    },
  }
}
