import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { defineSink } from '@patchbay/sdk/sink'
import { config } from './config.ts'
import { readOrderingKey } from './messages.ts'
import { readAccount } from './service-account.ts'

export default defineSink({
  name: 'pubsub',
  config,
  check({ orderingKey, endpoint, credentials }) {
    readOrderingKey(orderingKey)
    if (endpoint) assertOpenTarget('/endpoint', endpoint, 'all')
    if (credentials) readAccount(credentials)
  },
  async open(values, { stop }) {
    // gRPC is loaded with the first instance.
    const { openPubsub } = await import('./pubsub.ts')
    return openPubsub(values, stop)
  },
})
