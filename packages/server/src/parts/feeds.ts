import type { Clock } from '@patchbay/core/clock'
import { DomainError } from '@patchbay/core/errors'
import type { Feed as OpenFeed } from '@patchbay/core/delivery/feed'
import type { Feeds } from '@patchbay/core/delivery/feeds'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { ServiceOwner } from '@patchbay/plugin-host/services'
import { type Feed, Refused, type Source } from '@patchbay/sdk'
import type { Domain } from './domain.ts'

/** Its instances bring readings in. */
export const isFeeding = (manifest: Pick<PluginManifest, 'contributes'> | undefined): boolean =>
  (manifest?.contributes.sources?.length ?? 0) > 0

/** What sources bring in. The code is loaded with the first of them: a platform without sources does not pay for it. */
export function createFeedsPart(options: { registry: RegistryStore; clock: Clock }): Feeds {
  let feeds: Feeds | undefined
  let loading: Promise<Feeds> | undefined
  const load = (): Promise<Feeds> => {
    loading ??= import('@patchbay/core/delivery/feeds').then(({ createFeeds }) => (feeds = createFeeds(options)))
    // What could not be loaded is tried again by the next one.
    loading.catch(() => (loading = undefined))
    return loading
  }
  return {
    open: async (instance, retake) => (await load()).open(instance, retake),
    close: (instance, feed) => feeds?.close(instance, feed),
    status: async (instance) => (await load()).status(instance),
    running: () => feeds?.running() ?? new Map(),
    letters: async (instance) => (await load()).letters(instance),
    redrive: async (instance, choice) => (await load()).redrive(instance, choice),
    forget: async (instance) => (await load()).forget(instance),
  }
}

/** Makes devices for the source of an instance, which an admin has told to. */
const createDeviceFor =
  ({ devices, people }: Pick<Domain, 'devices' | 'people'>, actor: string): Feed['createDevice'] =>
  async ({ id, type, tags = [] }) => {
    if (devices.typeOf(id) !== undefined) return
    try {
      await devices.create({ id, type, tags: [...tags] })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'ALREADY_EXISTS') return
      if (error.code === 'STORE_UNAVAILABLE')
        throw new Refused('unavailable', error.code, 'devices', error.message, { cause: error })
      const [field] = error.fields
      const why = field ? `${error.message} ${field.path} ${field.message}.` : error.message
      throw new Refused('invalid', error.code, 'devices', why, { cause: error })
    }
    await people.audit.record({
      actor,
      address: '',
      action: 'create device for a source',
      target: id,
      outcome: 'done',
      status: 201,
      requestId: '',
    })
  }

/** Joins the source of an instance, while it runs. */
export function joinSource(
  { feeds, domain }: { feeds: Feeds; domain: Pick<Domain, 'devices' | 'people'> },
  source: Source,
  owner: ServiceOwner,
): Feed {
  const instance = `${owner.instance.plugin}/${owner.instance.name}`
  const open = (): Promise<OpenFeed> =>
    feeds.open(instance, async (item, signal) => {
      if (!source.retake)
        throw new Refused('invalid', 'STATE_CONFLICT', 'source', 'This source does not take messages again.')
      await source.retake(item, { signal: AbortSignal.any([signal, owner.signal]) })
    })
  let opening: Promise<OpenFeed> | undefined
  let opened: OpenFeed | undefined
  const feed = (): Promise<OpenFeed> => {
    opening ??= open().then((found) => (opened = found))
    // A store that was away is asked again by whoever comes next.
    opening.catch(() => (opening = undefined))
    return opening
  }
  feed().catch((err: unknown) => owner.log.warn('its dead letters cannot be counted yet', { err }))
  owner.own('source', () => {
    if (opened) feeds.close(instance, opened)
  })
  return {
    park: async (messages) =>
      (await feed()).park(messages.map(({ id, reply, item }) => ({ id, reply, item: { ...item } }))),
    createDevice: createDeviceFor(domain, `plugin:${instance}`),
    report(what) {
      if (opened) opened.report(what)
      // Counts of the first moment wait for the dead letters to be counted; that this failed has been told.
      else
        feed().then(
          (found) => found.report(what),
          () => undefined,
        )
    },
  }
}
