import { type BrokerAnswer, type BrokerQuestion, nothing, type Parameters, toClient } from './broker-question.ts'

/** EMQX 5 and later, HTTP authenticator and HTTP authorizer, with the bodies of docs/access.md. */
export function readEmqx(parameters: Parameters): BrokerQuestion {
  const client = toClient(parameters, { clientId: 'clientid', address: 'peerhost' })
  const action = parameters.get('action')
  if (action === undefined) return { asks: 'login', ...client, password: parameters.get('password') ?? '' }
  const topic = parameters.get('topic') ?? ''
  if (action === 'publish' || action === 'subscribe') return { asks: 'topic', ...client, action, topic }
  return nothing(parameters, 'The action is neither publish nor subscribe.')
}

/** Always a 200 with a result: to EMQX any other status means `ignore`, which may let everybody through. */
export function writeEmqx({ allowed, endsAtMicros }: BrokerAnswer): object {
  return {
    result: allowed ? 'allow' : 'deny',
    is_superuser: false,
    ...(allowed && endsAtMicros !== undefined ? { expire_at: Math.floor(endsAtMicros / 1e6) } : {}),
  }
}
