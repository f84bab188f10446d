import type { Context, Messages } from './context.ts'
import { type ConfigOf, type Fields, toConfigSchema } from './fields.ts'

/** Version of the plugin API, apart from the platform's own. `plugin.json` names a range over it in `api`. */
export const apiVersion = '1.0.0'

const brand = Symbol.for('patchbay.plugin')

/** What a test of a configuration may know besides the configuration itself. */
export interface VerifyAbout {
  /**
   * `save`: the configuration is about to be stored, so nothing may be sent that a person would see. `test`: a person pressed the Test button
   * and wants the remote's true answer.
   */
  readonly purpose: 'save' | 'test'
  /** As in the context. */
  readonly privateTargets: readonly string[]
  /** As in the context, where `needs.services` names it. */
  readonly messages?: Messages
  /** The instance's own folder, where `needs.files` names `data`; as in the context. */
  readonly dataFolder?: () => Promise<string>
}

/** What the remote said to a test, in its own words, for the person who asked. No secret may be in it. */
export interface VerifyAnswer {
  readonly reply: string
}

/** Carries a configuration from one version to the next. */
export type MigrationStep = (old: Record<string, unknown>) => Record<string, unknown> | Promise<Record<string, unknown>>

/** What `definePlugin` is given. */
export interface PluginDefinition<F extends Fields> {
  /** The fields of an instance's configuration. */
  config: F
  /**
   * The console's Test button, on unsaved values, and the check before a configuration is saved: see `about.purpose`. Throws BadConfig with
   * the field's path, or NotReady; the message of any other error is shown as what the remote said.
   */
  verify?(config: ConfigOf<F>, signal: AbortSignal, about: VerifyAbout): Promise<VerifyAnswer | void>
  /** From config version n (the key) to n + 1. */
  migrate?: Record<number, MigrationStep>
  /** Makes the instance live. What it takes through `ctx` is released by the host. */
  setup(ctx: Context<ConfigOf<F>>): Promise<void> | void
}

/** A plugin as the host sees it. */
export interface Plugin {
  readonly [brand]: true
  readonly configSchema: ReturnType<typeof toConfigSchema>
  readonly verify?: (config: never, signal: AbortSignal, about: VerifyAbout) => Promise<VerifyAnswer | void>
  readonly migrate: Record<number, MigrationStep>
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

/** Made by `definePlugin`, of whichever copy of the SDK. */
export const isPlugin = (value: unknown): value is Plugin =>
  typeof value === 'object' && value !== null && brand in value && value[brand] === true
