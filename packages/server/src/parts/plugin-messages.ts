import type { SessionHub } from '@patchbay/core/sessions/hub'
import { type Messages, Refused } from '@patchbay/sdk'

/** Roots that mean something to the platform: a message there would be taken for a reading, a command or a new device. */
const closedRoots: ReadonlySet<string> = new Set(['devices', 'sensors', 'provision'])

/**
 * What plugins publish in the platform's name. They may not speak as a device: an alert that were taken for a reading could raise the next
 * alert, for ever.
 */
export const createPluginMessages = (
  hub: Pick<SessionHub, 'publishAs'>,
  instance: { readonly plugin: string; readonly name: string },
): Messages => ({
  async publish(topic, bytes, how) {
    const [root = ''] = topic.split('/', 1)
    if (closedRoots.has(root) || root.startsWith('$'))
      throw new Refused('forbidden', 'TOPIC_FORBIDDEN', 'built-in', `A plugin may not publish under ${root}/.`)
    const id = `${instance.plugin}/${instance.name}`
    const subject = { kind: 'application', id, publish: ['#'], subscribe: [] } as const
    await hub.publishAs({ id, protocol: instance.plugin, address: '', subject }, topic, bytes, how)
  },
})
