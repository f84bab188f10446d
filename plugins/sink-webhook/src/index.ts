import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { defineSink } from '@patchbay/sdk/sink'
import { toHeaders, toKey } from '@patchbay/sdk/webhook'
import { config } from './config.ts'

export default defineSink({
  name: 'webhook',
  config,
  check({ url, secret, headers }, { privateTargets }) {
    assertOpenTarget('/url', url, privateTargets)
    toKey(secret)
    toHeaders(headers)
  },
  async open(values, about) {
    const { openWebhook } = await import('./webhook.ts')
    return openWebhook(values, about)
  },
})
