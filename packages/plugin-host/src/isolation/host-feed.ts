import type { Context, Feed } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import { asks } from './asks.ts'
import type { Channel, Handler } from './channel.ts'

const unreadable = (): never => {
  throw new HostError('PLUGIN_PROTOCOL', 'What the plugin asks as a source cannot be read.')
}

/** A source behind the boundary, as the platform sees it. */
export function createHostFeed(ctx: Pick<Context<unknown>, 'source'>, channel: () => Channel): [string, Handler][] {
  let feed: Feed | undefined
  const opened = (): Feed => feed ?? unreadable()
  return [
    [
      'source',
      (value) => {
        if (!asks.source(value)) return unreadable()
        const retake = async (item: Readonly<Record<string, unknown>>): Promise<void> => {
          await channel().call('source.retake', { item })
        }
        feed = ctx.source(value.name, value.retakes ? { retake } : {})
        return undefined
      },
    ],
    ['feed.park', (value) => (asks.park(value) ? opened().park(value.messages) : unreadable())],
    ['feed.createDevice', (value) => (asks.createDevice(value) ? opened().createDevice(value) : unreadable())],
    ['feed.report', (value) => (asks.report(value) ? opened().report(value) : unreadable())],
  ]
}
