import type { Context } from './context.ts'
import { type ConfigOf, type Fields, toConfigSchema } from './fields.ts'

/** Version of the plugin API, apart from the platform's own. `plugin.json` names a range over it in `api`. */
export const apiVersion = '1.0.0'

const brand = Symbol.for('patchbay.plugin')

export interface PluginDefinition<F extends Fields> {
  /** The fields of an instance's configuration. */
  config: F
  /** The console's Test button, on unsaved values; throws BadConfig with the field's path, or NotReady. */
  verify?(config: ConfigOf<F>, signal: AbortSignal): Promise<void>
  /** From config version n (the key) to n + 1. */
  migrate?: Record<number, (old: Record<string, unknown>) => Record<string, unknown>>
  /** Makes the instance live. What it takes through `ctx` is released by the host. */
  setup(ctx: Context<ConfigOf<F>>): Promise<void> | void
}

/** A plugin as the host sees it. */
export interface Plugin {
  readonly [brand]: true
  readonly configSchema: ReturnType<typeof toConfigSchema>
  readonly verify?: (config: never, signal: AbortSignal) => Promise<void>
  readonly migrate: Record<number, (old: Record<string, unknown>) => Record<string, unknown>>
  readonly setup: (ctx: never) => Promise<void> | void
}

/**
 * Declares a plugin; its module's default export.
 *
 * @example
 * export default definePlugin({
 *   config: { path: field.text({ title: 'File' }) },
 *   async setup(ctx) {
 *     const file = await open(ctx.config.path)
 *     ctx.own('file', () => file.close())
 *   },
 * })
 */
export function definePlugin<const F extends Fields>(definition: PluginDefinition<F>): Plugin {
  return {
    [brand]: true,
    configSchema: toConfigSchema(definition.config),
    migrate: definition.migrate ?? {},
    ...(definition.verify ? { verify: definition.verify.bind(definition) } : {}),
    setup: definition.setup.bind(definition),
  }
}

export const isPlugin = (value: unknown): value is Plugin =>
  typeof value === 'object' && value !== null && brand in value && value[brand] === true
