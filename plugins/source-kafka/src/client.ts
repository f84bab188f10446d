import type { BaseOptions } from '@platformatic/kafka'
import type { Config } from './config.ts'

const connectMs = 4000
const requestMs = 10_000

/** How every client of ours reaches the brokers. */
export const toClient = ({ brokers, sasl, tls, ca }: Config): BaseOptions => ({
  clientId: 'patchbay',
  bootstrapBrokers: [...brokers],
  // The reader begins anew by itself; here only what a change of leaders takes.
  retries: 3,
  retryDelay: 250,
  connectTimeout: connectMs,
  requestTimeout: requestMs,
  timeout: requestMs,
  autocreateTopics: false,
  ...(sasl ? { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } } : {}),
  ...(tls ? { tls: ca ? { ca } : {}, tlsServerName: true } : {}),
})
