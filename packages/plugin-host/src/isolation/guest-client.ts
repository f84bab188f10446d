import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Log } from '@patchbay/sdk'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { type Clock, systemClock } from '../clock.ts'
import type { DeprecatedUse } from '../deprecated.ts'
import { within } from '../deadline.ts'
import { HostError } from '../errors.ts'
import type { Handler } from './channel.ts'
import { type Isolate, openIsolate } from './isolate.ts'
import { type Apart, bootMs, defaultMemoryMb, pingMs } from './level.ts'
import { createLogHandler } from './log-handler.ts'

/** A package whose code runs behind the boundary. */
export interface IsolatedPackage {
  manifest: PluginManifest
  /** Where it lies: an absolute path. */
  folder: string
  level: Apart
  log: Log
  clock?: Clock
  pingMs?: number
  deprecated?: Pick<DeprecatedUse, 'members' | 'used'>
}

const Description = Type.Object({
  configSchema: Type.Unknown(),
  verify: Type.Boolean(),
  migrate: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 1_000 }),
})
export type Description = Static<typeof Description>

export interface Guest extends Isolate {
  /** Loads the plugin's code; the answer is what its default export says of itself. */
  load(): Promise<Description>
}

/** Opens a worker or process for one package. Its code runs from `load` on. */
export function openGuest(
  { manifest, folder, level, log, clock, pingMs: ownPingMs }: IsolatedPackage,
  handlers: ReadonlyMap<string, Handler>,
  of: { log?: Log; writable?: readonly string[] } = {},
): Guest {
  const isolate = openIsolate({
    level,
    folder: `${folder}/`,
    writable: of.writable ?? [],
    memoryMb: manifest.isolation.memoryMb ?? defaultMemoryMb,
    handlers: new Map([['log', createLogHandler(of.log ?? log)], ...handlers]),
    log: of.log ?? log,
    clock: clock ?? systemClock,
    pingMs: ownPingMs ?? pingMs,
  })
  return {
    ...isolate,
    async load() {
      const entry = pathToFileURL(join(folder, manifest.entry)).href
      const outcome = await within(clock ?? systemClock, bootMs, () => isolate.channel.call('load', { entry }))
      if (outcome.kind === 'failed') throw outcome.error
      if (outcome.kind === 'late')
        throw new HostError('PLUGIN_LOAD_FAILED', `Its code was not loaded within ${bootMs} ms.`)
      const { value } = outcome.value
      isolate.watch()
      if (!Value.Check(Description, value))
        throw new HostError('PLUGIN_PROTOCOL', 'What the plugin says of itself cannot be read.')
      return value
    },
  }
}

/** Opens a guest for one piece of work, such as a test of a configuration, and ends it whatever comes of it. */
export async function withGuest<T>(
  of: IsolatedPackage,
  handlers: ReadonlyMap<string, Handler>,
  work: (guest: Guest, description: Description) => Promise<T>,
  { signal, writable = [] }: { signal?: AbortSignal; writable?: readonly string[] } = {},
): Promise<T> {
  const guest = openGuest(of, handlers, { writable })
  const end = (): void => void guest.end()
  signal?.addEventListener('abort', end, { once: true })
  try {
    return await work(guest, await guest.load())
  } finally {
    signal?.removeEventListener('abort', end)
    await guest.end()
  }
}
