import { BadConfig } from '@patchbay/sdk'
import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import { defineSink } from '@patchbay/sdk/sink'
import { config } from './config.ts'
import { readPartitionKey } from './requests.ts'

export default defineSink({
  name: 'kinesis',
  config,
  check(values) {
    readPartitionKey(values.partitionKey)
    if (values.endpoint) assertOpenTarget('/endpoint', values.endpoint, 'all')
    if (Boolean(values.accessKeyId) !== Boolean(values.secretAccessKey))
      throw new BadConfig(
        values.accessKeyId ? '/secretAccessKey' : '/accessKeyId',
        'Access key and secret access key belong together.',
      )
  },
  async open(values, { stop }) {
    const { openKinesis } = await import('./kinesis.ts')
    return openKinesis(values, stop)
  },
})
