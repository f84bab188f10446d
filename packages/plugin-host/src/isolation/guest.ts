import { setPriority } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { isPlugin, type Messages, type Plugin, type VerifyAbout } from '@patchbay/sdk'
import { systemClock } from '../clock.ts'
import { isRecord } from '../config/plain.ts'
import { createCrashCatcher } from '../crash-catcher.ts'
import { watchDeprecated } from '../deprecated.ts'
import { HostError, toText } from '../errors.ts'
import { createRun, type Run } from '../run.ts'
import { createChannel, type Handler, pingOp } from './channel.ts'
import { createGuestContributions } from './guest-contributions.ts'
import { createGuestHttp } from './guest-http.ts'
import { createGuestLog } from './guest-log.ts'
import { openGuestPort } from './guest-port.ts'
import { createGuestServices } from './guest-services.ts'
import { createPublishWindow } from './publish-window.ts'
import { isRunOrder, isVerifyOrder } from './orders.ts'
import { toWireError } from './wire-error.ts'

/** Behind the host and its store when the processor is wanted by all. */
const priority = 10
// Linux counts a thread as a process here; elsewhere a worker would slow the whole platform down.
if (isMainThread || process.platform === 'linux') setPriority(0, priority)

/** The host has the deadline of a start; here it only must not be shorter. */
const startMs = 120_000

/**
 * The other side of the boundary: loads one plugin and runs it in the same scope and with the same checks as the host would, over services
 * that are messages.
 */
const handlers = new Map<string, Handler>()
const channel = createChannel({
  transport: openGuestPort(),
  handlers,
  paced: true,
  broken: (error) => {
    throw error
  },
})
let plugin: Plugin | undefined
let run: Run | undefined

// The first one ends the run; a million of the same kind say no more.
let told = false
const crashed = (error: unknown): void => {
  if (told) return
  told = true
  channel.castFirst('crashed', toWireError(error))
}

const log = createGuestLog(channel)

const publishes = createPublishWindow(channel)
const messages: Messages = {
  publish: (topic, bytes, how) => publishes.call('messages.publish', { topic, how }, bytes),
}

const loaded = (): Plugin => {
  if (!plugin) throw new HostError('PLUGIN_PROTOCOL', 'No plugin is loaded.')
  return plugin
}

handlers.set(pingOp, () => {
  const { external, arrayBuffers } = process.memoryUsage()
  return { externalBytes: Math.max(external, arrayBuffers) }
})

handlers.set('load', async (value) => {
  const entry = isRecord(value) ? value['entry'] : undefined
  const module: unknown = await import(String(entry))
  const exported: unknown = isRecord(module) ? module['default'] : undefined
  if (!isPlugin(exported)) throw new HostError('PLUGIN_LOAD_FAILED', 'Its default export was not made by definePlugin.')
  plugin = exported
  return {
    configSchema: exported.configSchema,
    verify: exported.verify !== undefined,
    migrate: Object.keys(exported.migrate).map(Number),
  }
})

handlers.set('migrate', (value) => {
  const { step, config } = isRecord(value) ? value : {}
  const migrate = loaded().migrate[Number(step)]
  return migrate && isRecord(config) ? migrate(config) : undefined
})

handlers.set('verify', async (value) => {
  const { verify } = loaded()
  if (!verify || !isVerifyOrder(value)) return undefined
  const { dataFolder: folder } = value
  const about: VerifyAbout = {
    purpose: value.purpose,
    privateTargets: value.privateTargets,
    ...(value.messages ? { messages } : {}),
    ...(folder === undefined ? {} : { dataFolder: async () => folder }),
  }
  const answer: unknown = await Reflect.apply(verify, undefined, [value.config, new AbortController().signal, about])
  return answer
})

handlers.set('start', async (value) => {
  if (!isRunOrder(value)) throw new HostError('PLUGIN_PROTOCOL', 'The order to start cannot be read.')
  const { manifest, name, config, dataFolder, privateTargets, deprecated: members } = value
  run = createRun({
    plugin: watchDeprecated(loaded(), { members, used: (member) => channel.cast('deprecated', member) }),
    manifest,
    name,
    settings: {},
    config,
    startMs,
    clock: systemClock,
    log,
    values: {
      get: async (key) => (await channel.call('store.get', { key })).value ?? undefined,
      async set(key, of) {
        await channel.call('store.set', { key, value: of })
      },
      async delete(key) {
        await channel.call('store.delete', { key })
      },
    },
    dataFolder,
    services: createGuestServices({ channel, publishes, handlers, messages, crashed }),
    privateTargets,
    contribute: createGuestContributions({ channel, handlers, crashed }),
    dispatcher: createGuestHttp({ channel, handlers, crashed }),
    health: (_source, state, why) => channel.cast('health', { state, why }),
    crashed,
  })
  const failed = await run.start()
  if (failed) throw failed.error
  return undefined
})

handlers.set('close', async (value) => {
  const budgetMs = isRecord(value) ? Number(value['budgetMs']) : 0
  const report = await run?.close(budgetMs)
  return {
    failures: (report?.failures ?? []).map(({ label, error }) => ({ label, text: toText(error) })),
    left: report?.left ?? [],
  }
})

const caught = createCrashCatcher(log)
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    // Of whoever it is: there is one instance here.
    if (!told && !caught(error)) crashed(error)
  })
