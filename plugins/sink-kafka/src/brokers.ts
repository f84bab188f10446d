import { BadConfig } from '@patchbay/sdk'
import { assertOpenHost } from '@patchbay/sdk/outbound-http'
import { createTargetGuard } from '@patchbay/sdk/sink'
import type { Config } from './config.ts'
import { toRoute } from './messages.ts'

/** The host of `host:port` or `[::1]:port`. */
const hostOf = (broker: string): string => broker.replace(/:\d+$/, '').replaceAll(/^\[|\]$/g, '')

/** Throws BadConfig for what is wrong by itself. */
export function checkConfig({ brokers, topic, key }: Pick<Config, 'brokers' | 'topic' | 'key'>): void {
  toRoute({ topic, key })
  if (brokers.length === 0) throw new BadConfig('/brokers', 'At least one broker must be named, such as kafka:9092.')
  for (const [index, broker] of brokers.entries()) assertOpenHost(`/brokers/${index}`, hostOf(broker), 'all')
}

/** Rejects when the name of a broker leads to an address that is closed. The names that brokers tell of each other are theirs to know. */
export async function assertBrokers({ brokers }: Pick<Config, 'brokers'>): Promise<void> {
  const guard = createTargetGuard('all')
  for (const broker of brokers)
    await new Promise<void>((resolve, reject) => {
      guard.lookup(hostOf(broker), { all: false }, (error) =>
        // A broker whose name is not known now may be one of several.
        error?.name === 'TargetForbidden' ? reject(error) : resolve(),
      )
    })
}
