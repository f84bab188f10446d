import type { Contribute, Contributions } from '../services.ts'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { Channel, Handler } from './channel.ts'
import type { PublishWindow } from './publish-window.ts'
import { addGuestWrites, toAbout } from './guest-writes.ts'

export interface GuestParts {
  channel: Channel
  publishes: PublishWindow
  handlers: Map<string, Handler>
  crashed(error: unknown): void
}

/** A codec must not say what JSON cannot carry: it would come out as something else on the other side. */
const assertCarried = (readings: ReturnType<Contributions['codec']['decode']>): typeof readings => {
  if (Array.isArray(readings))
    for (const { values } of readings)
      for (const [key, value] of Object.entries(Object(values)))
        if (typeof value === 'number' && !Number.isFinite(value))
          throw new RangeError(`${key} is ${value}, which is no value of a reading`)
  return readings
}

/** Contributions of a plugin behind the boundary: the host hears their names and asks them by messages. */
export function createGuestContributions({ channel, handlers, crashed }: Omit<GuestParts, 'publishes'>): Contribute {
  const live: { [K in keyof Contributions]: Map<string, Contributions[K]> } = {
    accessProvider: new Map(),
    codec: new Map(),
    alertChannel: new Map(),
    sink: new Map(),
    bridge: new Map(),
  }
  const tries = new Map<number, AbortController>()

  const of = <K extends keyof Contributions>(kind: K, value: unknown): Contributions[K] => {
    const name = isRecord(value) ? value['name'] : undefined
    const found = live[kind].get(String(name))
    if (!found) throw new HostError('PLUGIN_STOPPED', `${kind} ${String(name)} is not there any more.`)
    return found
  }
  const part = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)
  // The host made these values from its own types; they came as JSON and are the same here.
  const ask = (target: object, member: string, given: unknown[]): unknown => {
    const method: unknown = Reflect.get(target, member)
    return typeof method === 'function' ? Reflect.apply(method, target, given) : undefined
  }

  handlers.set('accessProvider.connect', (value) => ask(of('accessProvider', value), 'connect', [part(value, 'who')]))
  handlers.set('accessProvider.decide', (value) =>
    ask(of('accessProvider', value), 'decide', [part(value, 'question')]),
  )
  handlers.set('codec.decode', async (value, [bytes]) =>
    assertCarried(await of('codec', value).decode(bytes ?? new Uint8Array(), String(part(value, 'topic')))),
  )
  handlers.set('alertChannel.deliver', async (value) => {
    const key = Number(part(value, 'key'))
    const abort = new AbortController()
    tries.set(key, abort)
    try {
      const options = { attempt: Number(part(value, 'attempt')), signal: abort.signal }
      return await ask(of('alertChannel', value), 'deliver', [part(value, 'notification'), options])
    } finally {
      tries.delete(key)
    }
  })
  handlers.set('alertChannel.abort', (value) => tries.get(Number(part(value, 'key')))?.abort())

  addGuestWrites(
    handlers,
    (value) => of('sink', value),
    (value) => of('bridge', value),
  )

  return (kind, name, implementation) => {
    live[kind].set(name, implementation)
    const members = Object.keys(implementation)
    const bridge = live.bridge.get(name)
    const about = kind === 'bridge' && bridge ? { bridge: toAbout(bridge) } : {}
    channel.call('contribute', { kind, name, members, ...about }).catch(crashed)
    return () => void live[kind].delete(name)
  }
}
