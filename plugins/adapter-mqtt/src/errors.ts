import { Refused } from '@patchbay/sdk'

/** Every refusal and failure that this adapter makes itself; the platform's own come through `sessions`. */
export const storeUnavailable = (cause?: unknown) =>
  new Refused('unavailable', 'MQTT_STORE_UNAVAILABLE', 'broker-store', 'The broker’s store cannot take it now', {
    cause,
  })

export const retainedFull = (limit: number) =>
  new Refused('quota', 'MQTT_RETAINED_FULL', 'limit', `This device has its ${limit} retained messages already`)

export const tooManySubscriptions = (limit: number) =>
  new Refused('quota', 'MQTT_SUBSCRIPTIONS_FULL', 'limit', `A session has at most ${limit} subscriptions`)

export const tooManySessions = (limit: number) =>
  new Refused('quota', 'MQTT_SESSIONS_FULL', 'limit', `A device has at most ${limit} kept sessions`)

export const badTopic = (why: string) => new Refused('invalid', 'MQTT_TOPIC_INVALID', 'limit', why)

export const badFilter = (why: string) => new Refused('invalid', 'MQTT_FILTER_INVALID', 'limit', why)

export const notOpen = (topic: string) =>
  new Refused('forbidden', 'MQTT_TOPIC_NOT_OPEN', 'open-topics', `${topic} is not open to clients without credentials`)

export const reservedTopic = (topic: string) =>
  new Refused('forbidden', 'MQTT_TOPIC_RESERVED', 'built-in', `${topic} is the broker’s own`)

export const denied = (step: string, detail: string) => new Refused('forbidden', 'TOPIC_FORBIDDEN', step, detail)

export const resendsRefused = (waitMs: number) =>
  new Refused(
    'quota',
    'MQTT_RESENDS_REFUSED',
    'resend',
    `The client sends a refused message again and again; it may come back in ${Math.ceil(waitMs / 1000)} s`,
  )

export const malformedPacket = (why: string) => new Refused('malformed', 'MQTT_MALFORMED', 'framing', why)

export const packetTooLarge = (bytes: number, limit: number) =>
  new Refused(
    'too-large',
    'MQTT_PACKET_TOO_LARGE',
    'framing',
    `A packet of ${bytes} bytes is over the limit of ${limit}`,
  )

export const queueFull = (limit: number) =>
  new Refused(
    'quota',
    'MQTT_QUEUE_FULL',
    'limit',
    `The session’s queue is full at ${limit} messages; this one is left out`,
  )

export const readsTooSlowly = () =>
  new Refused('quota', 'MQTT_READS_TOO_SLOWLY', 'limit', 'The client does not read what it has subscribed to')

export const connectionGone = () =>
  new Refused('unavailable', 'MQTT_CONNECTION_GONE', 'delivery', 'The connection ended before the acknowledgement')

export const deliveryRefused = (reasonCode: number) =>
  new Refused('invalid', 'MQTT_DELIVERY_REFUSED', 'delivery', `The client refused it with reason code ${reasonCode}`)

export const stopping = () => new Refused('unavailable', 'MQTT_STOPPING', 'shutdown', 'The adapter is stopping')
