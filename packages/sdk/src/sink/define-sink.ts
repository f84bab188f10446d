import { definePlugin, type MigrationStep, type Plugin, type VerifyAbout } from '../define-plugin.ts'
import type { ConfigOf, Fields } from '../fields.ts'
import { type OpenedSink, verifySink } from './verify-sink.ts'

/** What a sink is opened with besides its configuration. */
export interface OpenAbout extends Pick<VerifyAbout, 'privateTargets'> {
  /** Aborted when the instance stops, or the test is given up: end what is under way. */
  readonly stop: AbortSignal
  /** It is opened for a test, and a probe is all that it will be given. */
  readonly isTest: boolean
}

/** What `defineSink` is given. */
export interface SinkDefinition<F extends Fields> {
  /** As in the manifest. */
  name: string
  /** The fields of an instance's configuration. */
  config: F
  /** From config version n (the key) to n + 1. */
  migrate?: Record<number, MigrationStep>
  /** Throws BadConfig for what is wrong by itself, before anything is opened. */
  check?(config: ConfigOf<F>, about: Pick<VerifyAbout, 'privateTargets'>): void | Promise<void>
  /** Makes the sink, for an instance or a test; what is heavy is imported here. It is closed by its `close`. */
  open(config: ConfigOf<F>, about: OpenAbout): OpenedSink | Promise<OpenedSink>
}

/** Declares a plugin that is one sink, with its check on saving and its Test button; its module's default export. */
export function defineSink<const F extends Fields>(definition: SinkDefinition<F>): Plugin {
  const { name, config, migrate = {} } = definition
  return definePlugin({
    config,
    migrate,
    verify: (values, signal, { purpose, privateTargets }) =>
      verifySink(
        {
          check: () => definition.check?.(values, { privateTargets }),
          open: async () => definition.open(values, { privateTargets, stop: signal, isTest: true }),
        },
        signal,
        { purpose },
      ),
    async setup(ctx) {
      const { privateTargets, signal: stop } = ctx
      await definition.check?.(ctx.config, { privateTargets })
      const opened = await definition.open(ctx.config, { privateTargets, stop, isTest: false })
      ctx.own('sink', () => opened.close?.())
      ctx.sink(name, opened.sink)
    },
  })
}
