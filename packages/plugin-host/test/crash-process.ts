/** A process with the catcher installed and plugins that reject and throw late; prints what became of them. */
import { definePlugin } from '@patchbay/sdk'
import { createCrashCatcher } from '../src/crash-catcher.ts'
import { createWorld, manifestOf } from './world.ts'

const late = (throwLate: () => void) =>
  definePlugin({
    config: {},
    setup(ctx) {
      const timer = setTimeout(throwLate, 20)
      ctx.own('timer', () => clearTimeout(timer))
    },
  })
const world = await createWorld({
  packages: [
    [late(() => void Promise.reject(new Error('late rejection'))), manifestOf('rejects')],
    [
      late(() => {
        throw new Error('late throw')
      }),
      manifestOf('throws'),
    ],
    [late(() => undefined), manifestOf('quiet')],
  ],
  defaults: ['rejects', 'throws', 'quiet'].map((plugin) => ({ plugin, name: 'default', config: {} })),
})
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const caught = createCrashCatcher(log)
let unowned = 0
for (const kind of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(kind, (error: unknown) => {
    if (!caught(error)) unowned += 1
  })
await world.host.start()
void Promise.reject(new Error('of nobody'))
await new Promise((resolve) => setTimeout(resolve, 300))
process.stdout.write(
  JSON.stringify({
    unowned,
    states: Object.fromEntries(
      ['rejects', 'throws', 'quiet'].map((id) => {
        const { state, code, text } = world.host.instance(id, 'default').status
        return [id, [state, code, text]]
      }),
    ),
  }),
)
await world.close()
