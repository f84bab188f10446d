import { definePlugin, type Plugin, type VerifyAnswer } from '@patchbay/sdk'
import { toFields } from '../config/schema-of-json.ts'
import { isRecord } from '../config/plain.ts'
import { HostError } from '../errors.ts'
import type { Handler } from './channel.ts'
import { type Description, type IsolatedPackage, withGuest } from './guest-client.ts'
import { setupIsolated } from './isolated-run.ts'
import { asks } from './asks.ts'

const nothing: ReadonlyMap<string, Handler> = new Map()

const toVerifyAnswer = (value: unknown): VerifyAnswer | void => {
  const reply = isRecord(value) ? value['reply'] : undefined
  return typeof reply === 'string' ? { reply } : undefined
}

/**
 * A plugin whose code never runs in this thread: what the host calls opens a worker or a process. Its code is loaded there once to hear what
 * it says of itself.
 */
export async function loadIsolated(of: IsolatedPackage): Promise<Plugin> {
  const said = await withGuest(of, nothing, async (_guest, description) => description)
  return toPlugin(of, said)
}

function toPlugin(of: IsolatedPackage, said: Description): Plugin {
  const steps = said.migrate.map(
    (step) =>
      [
        step,
        async (config: Record<string, unknown>) => {
          const { value } = await withGuest(of, nothing, ({ channel }) => channel.call('migrate', { step, config }))
          if (!isRecord(value))
            throw new HostError('CONFIG_MIGRATION_FAILED', `Step ${step} answered no configuration.`)
          return value
        },
      ] as const,
  )
  return definePlugin({
    config: toFields(said.configSchema),
    migrate: Object.fromEntries(steps),
    setup: (ctx) => setupIsolated(of, ctx),
    ...(said.verify
      ? {
          async verify(config, signal, { purpose, privateTargets, messages, dataFolder }) {
            const publish: Handler = (value, [bytes]) => {
              if (!messages || !asks.message(value) || !bytes)
                throw new HostError('PLUGIN_UNDECLARED', 'messages is not in needs.services.')
              return messages.publish(value.topic, bytes, value.how)
            }
            const folder = await dataFolder?.()
            const order = {
              config,
              purpose,
              privateTargets,
              messages: messages !== undefined,
              ...(folder === undefined ? {} : { dataFolder: folder }),
            }
            const how = { signal, ...(folder === undefined ? {} : { writable: [`${folder}/`] }) }
            const handlers = new Map([['messages.publish', publish]])
            const { value } = await withGuest(of, handlers, ({ channel }) => channel.call('verify', order), how)
            return toVerifyAnswer(value)
          },
        }
      : {}),
  })
}
