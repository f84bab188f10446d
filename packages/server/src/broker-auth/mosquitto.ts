import { type BrokerAnswer, type BrokerQuestion, nothing, type Parameters, toClient } from './broker-question.ts'

/** What mosquitto asks about: 1 a message on its way to a client, 2 a publish, 3 both, 4 a subscription, 8 its end. */
const access = { read: 1, write: 2, both: 3, subscribe: 4, unsubscribe: 8 }

/** The HTTP backend of mosquitto-go-auth. Its three addresses can be one: what is asked shows in the parameters. */
export function readMosquitto(parameters: Parameters): BrokerQuestion[] {
  const client = toClient(parameters, { clientId: 'clientid' })
  const password = parameters.get('password')
  const asked = parameters.get('acc')
  const topic = parameters.get('topic') ?? ''
  if (asked !== undefined) {
    const acc = Number(asked)
    const publish = { asks: 'topic', ...client, action: 'publish', topic } as const
    const subscribe = { asks: 'topic', ...client, action: 'subscribe', topic } as const
    if (acc === access.read || acc === access.subscribe) return [subscribe]
    if (acc === access.write) return [publish]
    if (acc === access.both) return [subscribe, publish]
    if (acc === access.unsubscribe) return [{ asks: 'entry', ...client }]
    return [nothing(parameters, 'The kind of access is unknown.')]
  }
  if (password !== undefined) return [{ asks: 'login', ...client, password }]
  return [nothing(parameters, 'Nobody is a superuser.')]
}

/** Good for the response modes `status` and `json`. */
export const writeMosquitto = ({ allowed, detail }: BrokerAnswer): { status: number; body: object } => ({
  status: allowed ? 200 : 403,
  body: { ok: allowed, error: allowed ? '' : detail },
})
