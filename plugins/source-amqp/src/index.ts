import { definePlugin, type Feed, NotReady } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/sink'
import { compileMapping, createIntake } from '@patchbay/sdk/source'
import { assertBroker, checkConfig } from './address.ts'
import { type Config, config } from './config.ts'
import { createInbox } from './inbox.ts'
import { lagEveryMs } from './reader.ts'

/** The clients are loaded with the first instance that needs them. */
const load = async ({ protocol }: Pick<Config, 'protocol'>) => {
  if (protocol === '1.0') {
    const { describeAmqpOne, readAmqpOne } = await import('./amqp-one.ts')
    return { read: readAmqpOne, describe: describeAmqpOne }
  }
  const { describeRabbit, readRabbit } = await import('./rabbit.ts')
  return { read: readRabbit, describe: describeRabbit }
}

export default definePlugin({
  config,
  async verify(values, _signal, { purpose }) {
    checkConfig(values)
    compileMapping(values)
    if (purpose === 'save') return undefined
    const { describe } = await load(values)
    try {
      await assertBroker(values)
      return { reply: await describe(values) }
    } catch (error) {
      const words = error instanceof Error ? error.message || error.name : String(error)
      throw new NotReady(toReply(words, [values.password]), { cause: error })
    }
  },
  async setup(ctx) {
    checkConfig(ctx.config)
    const trouble = (why: string | undefined): void =>
      why === undefined ? ctx.health('ok') : ctx.health('degraded', why)
    const feed: Feed = ctx.source('amqp', { retake: (item) => intake.retake(item) })
    const intake = createIntake({
      protocol: 'source-amqp',
      mapping: compileMapping(ctx.config),
      keeps: ctx.config.refused === 'keep',
      sessions: ctx.sessions,
      feed: () => feed,
      stop: ctx.signal,
      trouble,
    })
    const { read } = await load(ctx.config)
    await assertBroker(ctx.config)
    const inbox = createInbox({ intake, stop: ctx.signal, log: ctx.log })
    const reader = read({ config: ctx.config, inbox, trouble, lag: (lag) => feed.report({ lag }) })
    ctx.every(lagEveryMs, () => reader.tellLag())
    ctx.own('reader', async () => {
      await inbox.ended
      await reader.close()
    })
  },
})
