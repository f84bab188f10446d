import type { EndReason, RefusalReason, RefusedError } from '@patchbay/sdk'

/** Reason codes of MQTT 5 that this adapter says. [MQTT 5, 2.4] */
export const reasonCodes = {
  disconnectWithWill: 0x04,
  noSubscribers: 0x10,
  noSubscription: 0x11,
  unspecified: 0x80,
  malformed: 0x81,
  protocolError: 0x82,
  implementation: 0x83,
  badCredentials: 0x86,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  shuttingDown: 0x8b,
  takenOver: 0x8e,
  filterInvalid: 0x8f,
  topicInvalid: 0x90,
  tooLarge: 0x95,
  quota: 0x97,
  administrative: 0x98,
  payloadInvalid: 0x99,
} as const

interface Words {
  /** CONNACK of MQTT 5 [3.2.2.2] and of 3.1.1 [3.2.2.3], which has the codes 1 to 5 only. */
  connack: number
  connack3: 2 | 3 | 4 | 5
  /** PUBACK and PUBREC of MQTT 5 [3.4.2.1, 3.5.2.1]. 3.1.1 has none: the connection is closed, QoS 0 is dropped. */
  puback: number
  /** SUBACK of MQTT 5 [3.9.3]; 3.1.1 has 0x80. */
  suback: number
}

const words: Record<RefusalReason, Words> = {
  credentials: { connack: 0x86, connack3: 4, puback: 0x87, suback: 0x87 },
  banned: { connack: 0x87, connack3: 5, puback: 0x87, suback: 0x87 },
  forbidden: { connack: 0x87, connack3: 5, puback: 0x87, suback: 0x87 },
  malformed: { connack: 0x81, connack3: 2, puback: 0x99, suback: 0x8f },
  invalid: { connack: 0x85, connack3: 2, puback: 0x99, suback: 0x8f },
  'too-large': { connack: 0x95, connack3: 3, puback: 0x97, suback: 0x97 },
  quota: { connack: 0x97, connack3: 3, puback: 0x97, suback: 0x97 },
  unavailable: { connack: 0x88, connack3: 3, puback: 0x83, suback: 0x83 },
}

/** What a CONNACK says, in the words of the version. */
export const connackCodeOf = (refused: RefusedError, version: 3 | 4 | 5): number => {
  if (version < 5) return words[refused.reason].connack3
  return refused.code === 'MQTT_TOPIC_INVALID' ? reasonCodes.topicInvalid : words[refused.reason].connack
}

export const pubackCodeOf = (refused: RefusedError): number =>
  refused.code === 'MQTT_TOPIC_INVALID' ? reasonCodes.topicInvalid : words[refused.reason].puback

export const subackOf = (refused: RefusedError): number => words[refused.reason].suback

/** DISCONNECT of MQTT 5 [3.14.2.1] when the platform ends a session; undefined: the client ended it. */
export const disconnectCodes: Record<EndReason, number | undefined> = {
  'taken-over': reasonCodes.takenOver,
  revoked: reasonCodes.notAuthorized,
  disconnected: reasonCodes.administrative,
  shutdown: reasonCodes.shuttingDown,
  closed: undefined,
}
