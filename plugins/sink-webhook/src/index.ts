import { definePlugin } from '@patchbay/sdk'
import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { verifySink } from '@patchbay/sdk/sink'
import { toHeaders, toKey } from '@patchbay/sdk/webhook'
import { type Config, config } from './config.ts'

/** Throws BadConfig for what is wrong by itself. */
function checkConfig({ url, secret, headers }: Config, privateTargets: readonly string[]): void {
  assertOpenTarget('/url', url, privateTargets)
  toKey(secret)
  toHeaders(headers)
}

export default definePlugin({
  config,
  verify: (values, signal, about) =>
    verifySink(
      {
        check: () => checkConfig(values, about.privateTargets),
        async open() {
          const { openWebhook } = await import('./webhook.ts')
          return openWebhook(values, about)
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    checkConfig(ctx.config, ctx.privateTargets)
    const { openWebhook } = await import('./webhook.ts')
    const { sink, close } = openWebhook(ctx.config, { privateTargets: ctx.privateTargets, stop: ctx.signal })
    ctx.own('connections', close)
    ctx.sink('webhook', sink)
  },
})
