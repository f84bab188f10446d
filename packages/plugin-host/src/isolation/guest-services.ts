import type { Messages } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import type { CreateServices } from '../services.ts'
import { createGuestConnections } from './guest-connections.ts'
import type { GuestParts } from './guest-contributions.ts'
import { createGuestSessions } from './guest-sessions.ts'

const onlyAtHost = (what: string): never => {
  throw new HostError('PLUGIN_LEVEL', `${what} can be used at host level only: a socket cannot be handed over.`)
}

/** The services of the platform as messages. */
export const createGuestServices =
  ({ messages, ...parts }: GuestParts & { messages: Messages }): CreateServices =>
  () => ({
    sessions: createGuestSessions(parts),
    messages,
    ...createGuestConnections(parts),
    async preSharedKeys(device, address) {
      return (await parts.channel.call('preSharedKeys', { device, address })).bytes
    },
    match: () => onlyAtHost('ctx.match'),
    matchUdp: () => onlyAtHost('ctx.matchUdp'),
  })
