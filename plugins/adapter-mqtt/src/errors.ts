import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses; the platform's own refusals come through `sessions`. Codes are never used again for something else. */
export const mqttRefusals = {
  MQTT_STORE_UNAVAILABLE: {
    reason: 'unavailable',
    step: 'broker-store',
    text: 'The broker’s store cannot take it now',
  },
  MQTT_RETAINED_FULL: { reason: 'quota', step: 'limit', text: 'This device has its retained messages already' },
  MQTT_SUBSCRIPTIONS_FULL: { reason: 'quota', step: 'limit', text: 'The session has its subscriptions already' },
  MQTT_SESSIONS_FULL: { reason: 'quota', step: 'limit', text: 'The device has its kept sessions already' },
  MQTT_TOPIC_INVALID: { reason: 'invalid', step: 'limit', text: 'The topic is over a limit' },
  MQTT_FILTER_INVALID: { reason: 'invalid', step: 'limit', text: 'The topic filter is over a limit' },
  MQTT_TOPIC_NOT_OPEN: {
    reason: 'forbidden',
    step: 'open-topics',
    text: 'The topic is not open to clients without credentials',
  },
  MQTT_TOPIC_RESERVED: { reason: 'forbidden', step: 'built-in', text: 'The topic is the broker’s own' },
  MQTT_RESENDS_REFUSED: {
    reason: 'quota',
    step: 'resend',
    text: 'The client sends a refused message again and again; it may come back after a while',
  },
  MQTT_AUTHENTICATION_METHOD: {
    reason: 'credentials',
    step: 'credentials',
    text: 'The authentication method is not spoken here',
  },
  MQTT_CLIENT_ID_MISSING: {
    reason: 'invalid',
    step: 'credentials',
    text: 'A session that is to be kept needs a client id',
  },
  MQTT_KEEP_ALIVE_TOO_LONG: { reason: 'invalid', step: 'limit', text: 'The keep alive is longer than the longest' },
  MQTT_PROTOCOL_ERROR: {
    reason: 'malformed',
    step: 'protocol',
    text: 'The packet is well formed, and not allowed here by the specification of MQTT',
  },
  MQTT_MALFORMED: { reason: 'malformed', step: 'framing', text: 'The packet breaks the specification of MQTT' },
  MQTT_PACKET_TOO_LARGE: { reason: 'too-large', step: 'framing', text: 'The packet is over the limit' },
  MQTT_QUEUE_FULL: { reason: 'quota', step: 'limit', text: 'The session’s queue is full; the message is left out' },
  MQTT_READS_TOO_SLOWLY: {
    reason: 'quota',
    step: 'limit',
    text: 'The client does not read what it has subscribed to',
  },
  MQTT_CONNECTION_GONE: {
    reason: 'unavailable',
    step: 'delivery',
    text: 'The connection ended before the acknowledgement',
  },
  MQTT_DELIVERY_REFUSED: { reason: 'invalid', step: 'delivery', text: 'The client refused a delivery' },
  MQTT_STOPPING: { reason: 'unavailable', step: 'shutdown', text: 'The adapter is stopping' },
} as const
type MqttRefusalCode = keyof typeof mqttRefusals

/** `detail` replaces the catalogue's sentence where something more exact can be said. */
function refuse(code: MqttRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = mqttRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}

export const storeUnavailable = (cause?: unknown) => refuse('MQTT_STORE_UNAVAILABLE', undefined, cause)

export const retainedFull = (limit: number) =>
  refuse('MQTT_RETAINED_FULL', `This device has its ${limit} retained messages already`)

export const tooManySubscriptions = (limit: number) =>
  refuse('MQTT_SUBSCRIPTIONS_FULL', `A session has at most ${limit} subscriptions`)

export const tooManySessions = (limit: number) =>
  refuse('MQTT_SESSIONS_FULL', `A device has at most ${limit} kept sessions`)

export const badTopic = (why: string) => refuse('MQTT_TOPIC_INVALID', why)

export const badFilter = (why: string) => refuse('MQTT_FILTER_INVALID', why)

export const notOpen = (topic: string) =>
  refuse('MQTT_TOPIC_NOT_OPEN', `${topic} is not open to clients without credentials`)

export const reservedTopic = (topic: string) => refuse('MQTT_TOPIC_RESERVED', `${topic} is the broker’s own`)

/** The platform's own refusal, told again where the adapter asked beforehand. */
export const denied = (step: string, detail: string) => new Refused('forbidden', 'TOPIC_FORBIDDEN', step, detail)

export const resendsRefused = (waitMs: number) =>
  refuse(
    'MQTT_RESENDS_REFUSED',
    `The client sends a refused message again and again; it may come back in ${Math.ceil(waitMs / 1000)} s`,
  )

export const malformedPacket = (why: string) => refuse('MQTT_MALFORMED', why)

export const protocolBroken = (why: string) => refuse('MQTT_PROTOCOL_ERROR', why)

export const badAuthenticationMethod = (method: string) =>
  refuse('MQTT_AUTHENTICATION_METHOD', `The authentication method ${method} is not spoken here`)

export const keepAliveTooLong = (limit: number) =>
  refuse('MQTT_KEEP_ALIVE_TOO_LONG', `The keep alive is longer than ${limit} s, or there is none`)

export const clientIdMissing = () => refuse('MQTT_CLIENT_ID_MISSING')

export const packetTooLarge = (why: string) => refuse('MQTT_PACKET_TOO_LARGE', why)

export const queueFull = (leftOut: number) =>
  refuse('MQTT_QUEUE_FULL', `The session’s queue is full; ${leftOut} more are left out`)

export const readsTooSlowly = () => refuse('MQTT_READS_TOO_SLOWLY')

export const connectionGone = () => refuse('MQTT_CONNECTION_GONE')

export const deliveryRefused = (reasonCode: number) =>
  refuse('MQTT_DELIVERY_REFUSED', `The client refused it with reason code ${reasonCode}`)

export const stopping = () => refuse('MQTT_STOPPING')
