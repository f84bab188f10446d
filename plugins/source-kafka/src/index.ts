import { definePlugin, type Feed } from '@patchbay/sdk'
import { compileMapping, createIntake } from '@patchbay/sdk/source'
import { checkConfig } from './brokers.ts'
import { config } from './config.ts'

export default definePlugin({
  config,
  async verify(values, _signal, { purpose }) {
    checkConfig(values)
    compileMapping(values)
    if (purpose === 'save') return undefined
    const { describeTopics } = await import('./verify.ts')
    return { reply: await describeTopics(values) }
  },
  async setup(ctx) {
    checkConfig(ctx.config)
    const trouble = (why: string | undefined): void =>
      why === undefined ? ctx.health('ok') : ctx.health('degraded', why)
    const feed: Feed = ctx.source('kafka', { retake: (item) => intake.retake(item) })
    const intake = createIntake({
      protocol: 'source-kafka',
      mapping: compileMapping(ctx.config),
      sessions: ctx.sessions,
      feed: () => feed,
      stop: ctx.signal,
      trouble,
    })
    // The client is loaded with the first instance.
    const { createReader, lagEveryMs } = await import('./reader.ts')
    const reader = createReader({
      config: ctx.config,
      group: ctx.config.group || `patchbay-${ctx.instance.name}`,
      intake,
      stop: ctx.signal,
      log: ctx.log,
      trouble,
      lag: (lag) => feed.report({ lag }),
    })
    const reading = reader.run()
    ctx.own('reader', () => reading)
    ctx.every(lagEveryMs, () => reader.tellLag())
  },
})
