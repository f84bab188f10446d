import { defineSink } from '@patchbay/sdk/sink'
import { toBroker } from './broker.ts'
import { config } from './config.ts'
import { toRoute } from './route.ts'

export default defineSink({
  name: 'amqp',
  config,
  check(values) {
    toBroker(values)
    toRoute(values)
  },
  async open(values, { stop }) {
    // A client is loaded with the first instance that speaks its protocol.
    if (values.protocol === '1.0') return (await import('./amqp-1.ts')).openAmqp1(values, stop)
    return (await import('./rabbitmq.ts')).openRabbitmq(values, stop)
  },
})
