import type { Messages } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import type { CreateServices } from '../services.ts'
import { createGuestConnections } from './guest-connections.ts'
import { createGuestFeed } from './guest-feed.ts'
import type { GuestParts } from './guest-contributions.ts'
import { createGuestSessions } from './guest-sessions.ts'

const onlyAtHost = (what: string): never => {
  throw new HostError(
    'PLUGIN_LEVEL',
    `${what} can be used at host level only, and this code runs apart from the host. The plugin has to ask for host level in plugin.json, and an admin to approve it at host level.`,
  )
}

/** The services of the platform as messages. */
export const createGuestServices =
  ({ messages, ...parts }: GuestParts & { messages: Messages }): CreateServices =>
  () => ({
    sessions: createGuestSessions(parts),
    messages,
    ...createGuestConnections(parts),
    bridgeLink: (name) => ({
      publish: async (topic, bytes, how) =>
        (await parts.publishes.ask('bridge.publish', { name, topic, how }, bytes)) === 'looped' ? 'looped' : 'taken',
    }),
    feed: createGuestFeed(parts),
    async preSharedKeys(device, address) {
      return (await parts.channel.call('preSharedKeys', { device, address })).bytes
    },
    door: {
      permitsPlain: () => onlyAtHost('ctx.door'),
      trustsProxy: () => onlyAtHost('ctx.door'),
      handOver: () => onlyAtHost('ctx.door'),
    },
    shared: undefined,
    secrets: { seal: () => onlyAtHost('ctx.secrets'), open: () => onlyAtHost('ctx.secrets') },
    callers: { may: () => onlyAtHost('ctx.callers') },
    audit: { isFull: () => onlyAtHost('ctx.audit'), record: () => onlyAtHost('ctx.audit') },
    telemetry: { as: () => onlyAtHost('ctx.telemetry') },
    metrics: () => onlyAtHost('ctx.metrics'),
    match: () => onlyAtHost('ctx.match'),
    matchUdp: () => onlyAtHost('ctx.matchUdp'),
  })
