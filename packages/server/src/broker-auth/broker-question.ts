import type { AccessAction } from '@patchbay/contracts/access'

export type BrokerKind = 'emqx' | 'rabbitmq' | 'mosquitto'

/** Who a broker asks about. It tells the client's address and client id only sometimes. */
interface Client {
  username: string
  clientId?: string
  address?: string
}

/** What a broker asks, in no broker's own words. */
export type BrokerQuestion =
  | (Client & { asks: 'login'; password: string })
  | (Client & { asks: 'topic'; action: AccessAction; topic: string })
  /** Something that everybody who may log in may have, such as RabbitMQ's topic exchange. */
  | (Client & { asks: 'entry' })
  /** Something that belongs to whoever has this client id, such as the queue of an MQTT session. */
  | (Client & { asks: 'session'; clientId: string })
  /** What is given to nobody, or cannot be understood. */
  | (Client & { asks: 'nothing'; detail: string })

export interface BrokerAnswer {
  allowed: boolean
  detail: string
  /** When an access provider lets the login end, µs since 1970. */
  endsAtMicros?: number
}

/** The parameters of a request, from its query and its body. A map: what a client calls itself must not become a property. */
export type Parameters = ReadonlyMap<string, string>

export const nothing = (parameters: Parameters, detail: string): BrokerQuestion => ({
  asks: 'nothing',
  username: parameters.get('username') ?? '',
  detail,
})

/** Client id and address, where they are told. */
export const toClient = (
  parameters: Parameters,
  { clientId, address }: { clientId: string; address?: string },
): Client => {
  const id = parameters.get(clientId)
  const from = address === undefined ? undefined : parameters.get(address)
  return {
    username: parameters.get('username') ?? '',
    ...(id === undefined || id === '' ? {} : { clientId: id }),
    ...(from === undefined || from === '' ? {} : { address: from }),
  }
}
