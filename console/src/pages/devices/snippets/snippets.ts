import { amqpSnippets } from './amqp.ts'
import { coapSnippets } from './coap.ts'
import { grpcSnippets } from './grpc.ts'
import { httpSnippets } from './http.ts'
import { mqttSnippets } from './mqtt.ts'
import type { Login, Place, Snippet } from './snippet.ts'
import { webSocketSnippets } from './websocket.ts'

const makers: Readonly<Record<string, (place: Place, login: Login) => Snippet[]>> = {
  'adapter-mqtt': mqttSnippets,
  'adapter-http': httpSnippets,
  'adapter-websocket': webSocketSnippets,
  'adapter-coap': coapSnippets,
  'adapter-amqp': amqpSnippets,
  'adapter-grpc': grpcSnippets,
}

/** Programs that send a first reading, whole and ready to run, for each adapter that is there. */
export const toSnippets = (adapters: readonly string[], place: Place, login: Login): Snippet[] =>
  Object.entries(makers).flatMap(([adapter, make]) => (adapters.includes(adapter) ? make(place, login) : []))

/** Where this page came from is where devices reach the platform, too: everything is on the one port. */
export const placeOf = ({ hostname, port, protocol }: Pick<Location, 'hostname' | 'port' | 'protocol'>): Place => {
  const tls = protocol === 'https:'
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port || (tls ? '443' : '80'), tls }
}
