import { type BrokerAnswer, type BrokerQuestion, nothing, type Parameters, toClient } from './broker-question.ts'

/** The exchange that RabbitMQ's MQTT plugin publishes to, and the only one that clients get: its topics are checked one by one. */
const topicExchange = 'amq.topic'
const defaultVhost = '/'

/** Queues of MQTT sessions and of wills that wait: the client id is in the name. */
const sessionQueue = /^(?:mqtt-subscription-(.+)qos[01]|mqtt-will-(.+))$/s
/** Made up by the broker for one AMQP connection; nobody else knows the name. */
const generatedQueue = /^amq\.gen-[A-Za-z0-9_-]{20,}$/

/**
 * RabbitMQ writes MQTT topics as routing keys: each slash as a dot, `+` as `*`, and dots as they are. So a topic with a dot cannot be told from
 * one with a slash there; it is read with the slash.
 */
export const toTopic = (routingKey: string): string => routingKey.replaceAll('.', '/').replaceAll('*', '+')

const readQueue = (parameters: Parameters): BrokerQuestion => {
  const client = toClient(parameters, { clientId: '' })
  const name = parameters.get('name') ?? ''
  const clientId = sessionQueue
    .exec(name)
    ?.slice(1)
    .find((each) => each !== undefined)
  if (clientId !== undefined) return { asks: 'session', ...client, clientId }
  // A queue of one's own for AMQP: no user name holds a slash.
  if (generatedQueue.test(name) || name.startsWith(`${client.username}/`)) return { asks: 'entry', ...client }
  return nothing(
    parameters,
    'Queues are those of MQTT sessions, amq.gen-…, and those that begin with the user name and a slash.',
  )
}

const readResource = (parameters: Parameters): BrokerQuestion => {
  const resource = parameters.get('resource')
  const permission = parameters.get('permission')
  if (resource === 'queue') return readQueue(parameters)
  const isUse = permission === 'read' || permission === 'write'
  if (parameters.get('name') !== topicExchange || !isUse)
    return nothing(parameters, `Only ${topicExchange} can be read and written.`)
  const client = toClient(parameters, { clientId: 'variable_map.client_id' })
  if (resource === 'exchange') return { asks: 'entry', ...client }
  const routingKey = parameters.get('routing_key')
  if (resource !== 'topic' || routingKey === undefined)
    return nothing(parameters, 'This is no exchange, queue or topic.')
  return {
    asks: 'topic',
    ...client,
    action: permission === 'write' ? 'publish' : 'subscribe',
    topic: toTopic(routingKey),
  }
}

/**
 * RabbitMQ's rabbitmq_auth_backend_http. `path` is the last part of the address; without it what is asked shows in the parameters. Other
 * vhosts than `/` are those that the configured address names: `?vhosts=iot,plant`.
 */
export function readRabbitMq(path: string | undefined, parameters: Parameters): BrokerQuestion {
  const kind = path ?? kindOf(parameters)
  const vhost = parameters.get('vhost')
  const vhosts = parameters.get('vhosts')?.split(',') ?? [defaultVhost]
  if (vhost !== undefined && !vhosts.includes(vhost))
    return nothing(parameters, 'This vhost is not among those of the address.')
  switch (kind) {
    case 'user':
      // The topics of `a.b` are those of `a` in this broker: whoever has such a name would find them open, or closed, to the wrong one.
      if (parameters.get('username')?.includes('.'))
        return nothing(
          parameters,
          'RabbitMQ takes a dot for a slash, so that user names with a dot are not let in there.',
        )
      return {
        asks: 'login',
        ...toClient(parameters, { clientId: 'client_id' }),
        password: parameters.get('password') ?? '',
      }
    case 'vhost':
      return { asks: 'entry', ...toClient(parameters, { clientId: 'client_id', address: 'ip' }) }
    case 'resource':
    case 'topic':
      return readResource(parameters)
    default:
      return nothing(parameters, 'The address ends in user, vhost, resource or topic.')
  }
}

const kindOf = (parameters: Parameters): string => {
  if (parameters.has('resource')) return 'resource'
  return parameters.has('password') || !parameters.has('vhost') ? 'user' : 'vhost'
}

/** Tags are never given: they are RabbitMQ's own rights, such as `administrator`. */
export const writeRabbitMq = ({ allowed }: BrokerAnswer): string => (allowed ? 'allow' : 'deny')
