import type { Feed, Source } from '@patchbay/sdk'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { GuestParts } from './guest-contributions.ts'

/** What a source behind the boundary uses, as messages. */
export const createGuestFeed =
  ({ channel, handlers, crashed }: Pick<GuestParts, 'channel' | 'handlers' | 'crashed'>) =>
  (name: string, source: Source): Feed => {
    handlers.set('source.retake', async (value) => {
      const item = isRecord(value) && isRecord(value['item']) ? value['item'] : {}
      if (!source.retake) throw new HostError('PLUGIN_STOPPED', `The source ${name} takes nothing again.`)
      await source.retake(item, { signal: new AbortController().signal })
    })
    channel.call('source', { name, retakes: source.retake !== undefined }).catch(crashed)
    return {
      park: async (messages) => Number((await channel.call('feed.park', { messages })).value),
      async createDevice(device) {
        await channel.call('feed.createDevice', { ...device })
      },
      report: (what) => channel.cast('feed.report', { ...what }),
    }
  }
