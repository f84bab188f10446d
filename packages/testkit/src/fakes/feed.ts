import type { Feed, RefusedMessage, Source } from '@patchbay/sdk'

/** What a source has told the platform, besides its readings. */
export interface FakeFeed {
  /** Refused messages that it gave to be kept. */
  readonly parked: readonly RefusedMessage[]
  /** Devices that it made. */
  readonly devices: readonly Parameters<Feed['createDevice']>[0][]
  /** Messages that it counted. */
  readonly taken: number
  /** What it said last of the other side. */
  readonly lag: { readonly records: number; readonly seconds: number } | undefined
  /** So many dead letters are kept; 10,000 at first. */
  room: number
  /** Is asked before a device is made: a refusal, or undefined = it is made. */
  decide: (device: Parameters<Feed['createDevice']>[0]) => Error | undefined
  /** Has it take a refused message again, as a person does in the console. */
  retake(item: RefusedMessage['item']): Promise<void>
  /** As the plugin gets it. */
  open(name: string, source: Source): Feed
}

export function createFakeFeed(): FakeFeed {
  const parked: RefusedMessage[] = []
  const devices: Parameters<Feed['createDevice']>[0][] = []
  let taken = 0
  let lag: FakeFeed['lag']
  let of: Source = {}
  const fake: FakeFeed = {
    parked,
    devices,
    get taken() {
      return taken
    },
    get lag() {
      return lag
    },
    room: 10_000,
    decide: () => undefined,
    async retake(item) {
      await of.retake?.(item, { signal: new AbortController().signal })
    },
    open(_name, source) {
      of = source
      return {
        async park(messages) {
          const kept = messages.slice(0, Math.max(0, fake.room - parked.length))
          parked.push(...kept)
          return kept.length
        },
        async createDevice(device) {
          const refused = fake.decide(device)
          if (refused) throw refused
          devices.push(device)
        },
        report(what) {
          taken += what.taken ?? 0
          if (what.lag) lag = what.lag
        },
      }
    },
  }
  return fake
}
